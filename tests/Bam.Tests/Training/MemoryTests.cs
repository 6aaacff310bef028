using System.Globalization;
using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

[Collection(LibTorchCollection.Name)]
public sealed class MemoryTests : IDisposable
{
    private readonly TinyRun run = new();

    [Fact]
    [Trait("Speed", "long")]
    public void Memory_is_flat_over_two_thousand_steps()
    {
        var live = new Dictionary<long, long>();
        var resident = new Dictionary<long, double>();
        var reporter = new RecordingReporter
        {
            OnAdvance = progress =>
            {
                var step = progress.Done / 64;
                if (step is not (100 or 500 or 2000)) return;
                live[step] = Tensor.LiveCount;
                resident[step] = ResidentBytes();
            },
        };
        Trainer.Run(run.Config("run", "checkpoint_every: 400", steps: 2000), new() { Reporter = reporter });
        live[2000].ShouldBe(live[100]);
        resident[2000].ShouldBe(resident[500], 0.05 * resident[500]);
    }

    public void Dispose() => run.Dispose();

    private static double ResidentBytes()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        var line = File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
