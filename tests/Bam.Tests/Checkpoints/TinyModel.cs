using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;

namespace Bam.Tests.Checkpoints;

/// <summary>Checkpoints of a few hundred numbers.</summary>
internal static class TinyModel
{
    public static readonly ModelConfig Dense = new()
    {
        VocabSize = 7, HiddenSize = 6, IntermediateSize = 5, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2,
        HeadDim = 2, MaxPositionEmbeddings = 8,
    };

    /// <summary>The values of one tensor of the model with that seed.</summary>
    public static float[] Values(ParameterInfo parameter, long seed)
    {
        var values = new float[parameter.Count];
        new RandomStream(seed, parameter.Name).FillNormal(values, 1);
        return values;
    }

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c>.</summary>
    public static string Write(string directory, ModelConfig config, long seed, TensorDtype dtype = TensorDtype.Float32)
    {
        Directory.CreateDirectory(directory);
        config.Save(directory);
        WriteFile(Path.Combine(directory, "model.safetensors"), ParameterTable.Of(config), seed, dtype);
        return directory;
    }

    /// <summary>Writes some of a model's tensors into one file.</summary>
    public static void WriteFile(
        string path, IReadOnlyList<ParameterInfo> parameters, long seed, TensorDtype dtype = TensorDtype.Float32)
    {
        var next = 0;
        SafetensorsWriter.Write(path, [.. parameters.Select(p => new TensorDeclaration(p.Name, dtype, p.Shape))], (_, stream) =>
        {
            var values = Values(parameters[next++], seed);
            var bytes = new byte[values.Length * dtype.ByteSize];
            if (dtype.IsFloatingPoint) FloatConversion.FromFloat32(values, dtype, bytes);
            stream.Write(bytes);
        });
    }
}
