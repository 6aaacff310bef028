using System.Globalization;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;

namespace Bam.Checkpoints.Opening;

/// <summary>
/// The tables that older checkpoints store beside their parameters: rotary frequencies, their sines and cosines, and causal
/// masks. The model computes them from <c>config.json</c>, as transformers does, so a table of other values is not used, and the
/// user is told.
/// </summary>
internal static class StoredTables
{
    private const string Frequencies = ".inv_freq", Sines = ".embed_positions", Mask = ".bias", MaskedScore = ".masked_bias";

    /// <summary>Scores at or below this leave no weight after the softmax. GPT-NeoX stores -1e9, GPT-J also -1e4.</summary>
    private const float LargestMaskedScore = -1000;

    /// <summary>Of the sines and cosines of angles of some thousand radians, computed in float32.</summary>
    private const double SineTolerance = 1e-3;

    /// <summary>Bytes that are compared at a time, in whole rows.</summary>
    private const int BufferLength = 1 << 20;

    /// <summary>Warns once if tables among <see cref="ModelFamily.Buffers"/> differ from those of the configuration.</summary>
    /// <exception cref="InvalidInputException">A file cannot be read.</exception>
    public static void WarnOfOther(ModelFamily family, ModelConfig config, ShardSet shards, IReporter reporter)
    {
        if (family.Buffers.Count == 0) return;
        var others = new List<string>();
        var difference = "";
        foreach (var (name, tensor) in shards.Tensors)
        {
            if (!family.Buffers.Any(end => name.EndsWith(end, StringComparison.Ordinal))) continue;
            if (DifferenceOf(tensor, config, shards) is not { } other) continue;
            if (others.Count == 0) difference = other;
            others.Add(name);
        }

        if (others is not [var first, ..]) return;
        reporter.Warn(
            $"{shards.FileOf(first).Path}: tensor {TensorNames.WithMore(first, others.Count - 1)}: {difference}; "
            + "the model is computed from config.json, as in transformers");
    }

    private static string? DifferenceOf(TensorInfo tensor, ModelConfig config, ShardSet shards)
    {
        var file = shards.FileOf(tensor.Name);
        if (tensor.Name.EndsWith(Frequencies, StringComparison.Ordinal)) return OtherFrequencies(tensor, config, file);
        if (tensor.Name.EndsWith(Sines, StringComparison.Ordinal)) return OtherSines(tensor, config, file);
        if (tensor.Name.EndsWith(MaskedScore, StringComparison.Ordinal)) return OtherMaskedScore(tensor, file);
        return tensor.Name.EndsWith(Mask, StringComparison.Ordinal) && !IsCausal(tensor, file)
            ? $"{Describe(tensor)} holds something else than a causal mask"
            : null;
    }

    private static string? OtherFrequencies(TensorInfo tensor, ModelConfig config, SafetensorsFile file)
    {
        var scaled = FrequenciesOf(config);
        if (!tensor.Dtype.IsFloatingPoint || tensor.Count != scaled.Length) return OtherForm(tensor, [scaled.Length]);
        var stored = Read(tensor, 0, scaled.Length, file);
        // Older versions of transformers applied linear scaling to the positions and stored the unscaled frequencies.
        var unscaled = config.RopeScaling is { Type: RopeScalingType.Linear }
            ? FrequenciesOf(config with { RopeScaling = null })
            : scaled;
        var (precision, smallest) = PrecisionOf(tensor.Dtype);
        var place = FirstBeyond(stored, scaled, precision, smallest);
        return place < 0 || FirstBeyond(stored, unscaled, precision, smallest) < 0
            ? null
            : OtherValue(tensor, place, stored[place], scaled[place]);
    }

    // [positions, rotary_dim]: all sines of a position, then all cosines.
    private static string? OtherSines(TensorInfo tensor, ModelConfig config, SafetensorsFile file)
    {
        var frequencies = FrequenciesOf(config);
        var width = 2 * frequencies.Length;
        if (!tensor.Dtype.IsFloatingPoint || tensor.Shape is not [var positions, var columns] || columns != width)
            return OtherForm(tensor, [config.MaxPositionEmbeddings, width]);
        var tolerance = SineTolerance + PrecisionOf(tensor.Dtype).Relative;
        var expected = new double[width];
        for (var position = 0L; position < Math.Min(positions, config.MaxPositionEmbeddings); position++)
        {
            for (var i = 0; i < frequencies.Length; i++)
                (expected[i], expected[frequencies.Length + i]) = Math.SinCos(position * frequencies[i]);
            var stored = Read(tensor, position * width, width, file);
            var place = FirstBeyond(stored, expected, 0, tolerance);
            if (place >= 0) return OtherValue(tensor, position * width + place, stored[place], expected[place]);
        }

        return null;
    }

    private static string? OtherMaskedScore(TensorInfo tensor, SafetensorsFile file)
    {
        if (!tensor.Dtype.IsFloatingPoint || tensor.Count != 1) return OtherForm(tensor, []);
        var score = Read(tensor, 0, 1, file)[0];
        return score <= LargestMaskedScore ? null : string.Create(CultureInfo.InvariantCulture, $"{score} does not mask a score");
    }

    // [1, 1, T, T]: ones up to the diagonal, zeros behind it.
    private static bool IsCausal(TensorInfo tensor, SafetensorsFile file)
    {
        if (tensor.Shape is not [.., var rows, var columns] || rows != columns || tensor.Count != rows * columns
            || OneIn(tensor.Dtype) is not { } one)
            return false;
        if (rows == 0) return true;
        var size = one.Length;
        var (ones, zeros) = (new byte[columns * size], new byte[columns * size]);
        for (var i = 0; i < ones.Length; i += size) one.CopyTo(ones, i);
        var rowsAtATime = (int)Math.Clamp(BufferLength / ones.Length, 1, rows);
        var buffer = new byte[rowsAtATime * ones.Length];
        for (var row = 0L; row < rows; row++)
        {
            var inBuffer = (int)(row % rowsAtATime);
            if (inBuffer == 0)
                file.ReadBytes(tensor, row * ones.Length, buffer.AsSpan(0, (int)Math.Min(rowsAtATime, rows - row) * ones.Length));
            var values = buffer.AsSpan(inBuffer * ones.Length, ones.Length);
            var seen = (int)(row + 1) * size;
            if (!values[..seen].SequenceEqual(ones.AsSpan(0, seen)) || !values[seen..].SequenceEqual(zeros.AsSpan(seen)))
                return false;
        }

        return true;
    }

    private static byte[]? OneIn(TensorDtype dtype)
    {
        if (dtype.IsFloatingPoint)
        {
            var bytes = new byte[dtype.ByteSize];
            FloatConversion.FromFloat32([1], dtype, bytes);
            return bytes;
        }

        return dtype is TensorDtype.Bool or TensorDtype.UInt8 or TensorDtype.Int8
            or TensorDtype.Int16 or TensorDtype.Int32 or TensorDtype.Int64
            ? [1, .. new byte[dtype.ByteSize - 1]]
            : null;
    }

    // Those of a short input, which is what a library computes when it makes the model.
    private static double[] FrequenciesOf(ModelConfig config) => RotaryFrequencies.Of(config, length: 1);

    // A unit in the last place of a number, and the smallest one; float32 tables come from pow in float32.
    private static (double Relative, double Smallest) PrecisionOf(TensorDtype dtype) => dtype switch
    {
        TensorDtype.BFloat16 => (Math.ScaleB(1, -8), 0),
        TensorDtype.Float16 => (Math.ScaleB(1, -11), Math.ScaleB(1, -24)),
        _ => (1e-5, 0),
    };

    private static int FirstBeyond(ReadOnlySpan<float> stored, ReadOnlySpan<double> expected, double relative, double absolute)
    {
        for (var i = 0; i < stored.Length; i++)
        {
            if (!(Math.Abs(stored[i] - expected[i]) <= relative * Math.Abs(expected[i]) + absolute)) return i;  // NaN is beyond
        }

        return -1;
    }

    private static float[] Read(TensorInfo tensor, long start, int count, SafetensorsFile file)
    {
        var (bytes, values) = (new byte[count * tensor.Dtype.ByteSize], new float[count]);
        file.ReadBytes(tensor, start * tensor.Dtype.ByteSize, bytes);
        FloatConversion.ToFloat32(tensor.Dtype, bytes, values);
        return values;
    }

    private static string OtherForm(TensorInfo tensor, long[] shape) =>
        $"expected floating-point {TensorShape.Describe(shape)}, as config.json says, found {Describe(tensor)}";

    private static string OtherValue(TensorInfo tensor, long place, float stored, double expected) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{TensorShape.DescribeIndex(tensor.Shape, place)} is {stored}, but config.json gives {(float)expected}");

    private static string Describe(TensorInfo tensor) => $"{tensor.Dtype.SafetensorsName} {TensorShape.Describe(tensor.Shape)}";
}
