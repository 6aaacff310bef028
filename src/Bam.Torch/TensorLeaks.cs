using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace Bam.Torch;

/// <summary>
/// Debug builds remember every tensor that no scope will free, with the stack that made it or kept it last: the only
/// ones that can leak.
/// </summary>
internal static class TensorLeaks
{
    private static readonly ConcurrentDictionary<Tensor, StackTrace> s_watched = new(ReferenceEqualityComparer.Instance);

    /// <summary>The live tensors outside every scope and where each came from; empty in release builds.</summary>
    public static string Report()
    {
        var report = new StringBuilder();
        foreach (var (tensor, stack) in s_watched)
            report.Append(tensor).AppendLine().Append(stack).AppendLine();
        return report.ToString();
    }

    [Conditional("DEBUG")]
    internal static void Watch(Tensor tensor) => s_watched[tensor] = new StackTrace(2, fNeedFileInfo: true);

    [Conditional("DEBUG")]
    internal static void Forget(Tensor tensor) => s_watched.TryRemove(tensor, out _);
}
