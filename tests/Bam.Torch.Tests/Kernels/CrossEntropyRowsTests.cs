using System.Globalization;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Kernels;

public sealed class CrossEntropyRowsTests : TorchTest
{
    [SkippableFact]
    public void Where_the_kernel_does_not_serve_the_gradient_takes_one_more_buffer_of_the_logits_size()
    {
        const long rows = 256, vocabulary = 40_001;  // no multiple of a vector
        using var scope = TensorScope.Open();
        var (logits, losses) = (Wave(rows, vocabulary), Tensor.Zeros([rows]));
        var targets = Tensor.Arange(rows);
        Skip.IfNot(ResetPeak(), "the kernel does not let a process reset its peak of memory");
        var before = Status("VmRSS");

        CrossEntropyRows.Apply(logits, targets, losses, withGradient: true);

        (Status("VmHWM") - before).ShouldBeLessThan(5 * rows * vocabulary * sizeof(float) / 2);
    }

    private static bool ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // In bytes.
    private static long Status(string name) => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(':')[1]
            .Replace("kB", "", StringComparison.Ordinal),
        CultureInfo.InvariantCulture);
}
