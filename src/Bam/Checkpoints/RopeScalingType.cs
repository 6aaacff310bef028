namespace Bam.Checkpoints;

/// <summary>How rotary frequencies are changed for inputs longer than those a model was first trained on.</summary>
internal enum RopeScalingType
{
    /// <summary>All are divided by a factor (position interpolation, arXiv 2306.15595).</summary>
    Linear,

    /// <summary>Slow ones are divided by a factor, fast ones stay, those between go over smoothly (Llama 3.1, arXiv 2407.21783).</summary>
    Llama3,
}
