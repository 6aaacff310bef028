using System.Globalization;
using System.Numerics.Tensors;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Checkpoints.Opening;

/// <summary>Looks for NaN and infinity in a checkpoint's weights, as float32.</summary>
internal static class FiniteCheck
{
    /// <summary>Elements at a time.</summary>
    private const int PieceLength = 1 << 20;

    /// <summary>Reads every parameter and reports the number of elements of each piece, from any thread.</summary>
    /// <exception cref="InvalidInputException">A number is not finite; the one line names the first.</exception>
    public static void Require(Checkpoint checkpoint, Action<long> advance, CancellationToken cancellation)
    {
        var pieces = checkpoint.Parameters.SelectMany(PiecesOf).ToList();
        OrderedPieces.Run(pieces.Count, () => new AlignedBuffer<float>(PieceLength), Check, cancellation);

        void Check(AlignedBuffer<float> buffer, int number)
        {
            var (parameter, start) = pieces[number];
            var values = buffer.Span[..(int)Math.Min(PieceLength, parameter.Count - start)];
            checkpoint.ReadFloat32(parameter.Name, start, values);
            if (!TensorPrimitives.IsFiniteAll<float>(values)) throw Fault(checkpoint, parameter, start, values);
            advance(values.Length);
        }
    }

    private static IEnumerable<(ParameterInfo Parameter, long Start)> PiecesOf(ParameterInfo parameter)
    {
        for (var start = 0L; start < parameter.Count; start += PieceLength) yield return (parameter, start);
    }

    private static InvalidInputException Fault(
        Checkpoint checkpoint, ParameterInfo parameter, long start, ReadOnlySpan<float> values)
    {
        var at = 0;
        while (float.IsFinite(values[at])) at++;
        return new InvalidInputException(
            $"{checkpoint.PathOf(parameter.Name)}: tensor {parameter.Name}: element "
            + $"{TensorShape.DescribeIndex(parameter.Shape, start + at)}",
            "a finite number",
            values[at].ToString(CultureInfo.InvariantCulture),
            "the file is damaged or the model diverged; use an older checkpoint");
    }
}
