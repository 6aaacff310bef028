using System.Numerics.Tensors;

namespace Bam.Checkpoints.Opening;

/// <summary>The differences between two checkpoints.</summary>
/// <param name="Config">The keys of <c>config.json</c> with different values.</param>
/// <param name="Tokenizer">The first place where the tokenizers differ, with both values; else null.</param>
/// <param name="OnlyInFirst">Parameters, by Bam's names, that the second lacks or has in another shape.</param>
/// <param name="OnlyInSecond">Parameters that the first lacks or has in another shape.</param>
/// <param name="Components">The parameters that both have, by kind.</param>
internal sealed record CheckpointComparison(
    IReadOnlyList<ModelConfigDifference> Config,
    string? Tokenizer,
    IReadOnlyList<string> OnlyInFirst,
    IReadOnlyList<string> OnlyInSecond,
    IReadOnlyList<ComponentDifference> Components)
{
    /// <summary>Elements at a time.</summary>
    private const int BufferLength = 1 << 20;

    /// <summary>True when configuration, tokenizer and every number are the same.</summary>
    public bool IsSame =>
        Config.Count == 0 && Tokenizer is null && OnlyInFirst.Count == 0 && OnlyInSecond.Count == 0
        && Components.All(component => component.EqualTensors == component.Tensors);

    /// <summary>Compares two open checkpoints, reading every weight of both once.</summary>
    public static CheckpointComparison Of(
        Checkpoint first, Checkpoint second, IReporter reporter, CancellationToken cancellation = default)
    {
        var (shapes, otherShapes) = (ShapesOf(first), ShapesOf(second));
        var shared = first.Parameters.Where(parameter => HaveSameShape(parameter.Name)).ToList();
        var total = shared.Sum(parameter => parameter.Count);
        var tally = new Tally(first, second, elements =>
        {
            cancellation.ThrowIfCancellationRequested();
            reporter.Advance(new WorkProgress("compare", elements, total, "parameters"));
        });
        var components = shared.GroupBy(parameter => parameter.Kind).Select(group => tally.Compare(group.Key, [.. group]))
            .ToList();
        return new(
            ModelConfigComparison.Differences(first.Config, second.Config),
            CompareTokenizers(first.Directory, second.Directory),
            [.. first.Parameters.Select(parameter => parameter.Name).Where(name => !HaveSameShape(name))],
            [.. second.Parameters.Select(parameter => parameter.Name).Where(name => !HaveSameShape(name))],
            components);

        bool HaveSameShape(string name) =>
            shapes.TryGetValue(name, out var a) && otherShapes.TryGetValue(name, out var b) && a.SequenceEqual(b);
    }

    private static Dictionary<string, long[]> ShapesOf(Checkpoint checkpoint) =>
        checkpoint.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Shape);

    private static string? CompareTokenizers(string first, string second) =>
        TokenizerFile.Find(first) is { } a && TokenizerFile.Find(second) is { } b
            && (TokenizerFile.FirstDifference(a, b) ?? TokenizerFile.FirstDifferenceInText(a, b)) is { } difference
            ? $"{difference.Place}: {difference.First} and {difference.Second}"
            : null;

    /// <summary>Reads the two checkpoints side by side.</summary>
    private sealed class Tally(Checkpoint first, Checkpoint second, Action<long> advance)
    {
        private readonly float[] a = new float[BufferLength];
        private readonly float[] b = new float[BufferLength];
        private long done;

        public ComponentDifference Compare(ParameterKind kind, IReadOnlyList<ParameterInfo> parameters)
        {
            double largest = 0, squaredDifference = 0, squaredNorm = 0;
            var equal = 0;
            foreach (var parameter in parameters)
            {
                var isEqual = true;
                for (var start = 0L; start < parameter.Count; start += BufferLength)
                {
                    var x = a.AsSpan(0, (int)Math.Min(BufferLength, parameter.Count - start));
                    var y = b.AsSpan(0, x.Length);
                    first.ReadFloat32(parameter.Name, start, x);
                    second.ReadFloat32(parameter.Name, start, y);
                    squaredNorm += TensorPrimitives.SumOfSquares<float>(x);
                    if (!x.SequenceEqual(y))
                    {
                        isEqual = false;
                        TensorPrimitives.Subtract(x, y, y);
                        squaredDifference += TensorPrimitives.SumOfSquares<float>(y);
                        largest = Math.Max(largest, Math.Abs(TensorPrimitives.MaxMagnitude<float>(y)));
                    }

                    advance(done += x.Length);
                }

                if (isEqual) equal++;
            }

            return new(
                kind, parameters.Count, equal, largest,
                squaredDifference == 0 ? 0 : squaredNorm == 0 ? double.NaN : Math.Sqrt(squaredDifference / squaredNorm));
        }
    }
}

/// <summary>How the parameters of one kind differ, over the tensors that both checkpoints have in one shape.</summary>
/// <param name="Kind">What they do.</param>
/// <param name="Tensors">How many tensors were compared.</param>
/// <param name="EqualTensors">How many hold the same numbers.</param>
/// <param name="LargestDifference">The largest |a - b|; NaN where one of the two is NaN or both are infinite.</param>
/// <param name="RelativeDifference">‖a - b‖ / ‖a‖, Frobenius norms; NaN where a is all zeros and b is not.</param>
internal sealed record ComponentDifference(
    ParameterKind Kind, int Tensors, int EqualTensors, double LargestDifference, double RelativeDifference);
