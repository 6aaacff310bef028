namespace Bam.Checkpoints;

/// <summary>A safetensors file of a checkpoint.</summary>
/// <param name="Name">Its name in the directory.</param>
/// <param name="Tensors">How many tensors it holds.</param>
/// <param name="Bytes">Its length.</param>
internal sealed record WeightFile(string Name, int Tensors, long Bytes);
