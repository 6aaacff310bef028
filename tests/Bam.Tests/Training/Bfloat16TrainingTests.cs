using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

/// <summary>Training with products in bfloat16, on a processor.</summary>
public sealed class Bfloat16TrainingTests : IDisposable
{
    private readonly TinyRun run = new();

    public void Dispose() => run.Dispose();

    [Fact]
    public void The_loss_follows_that_of_float32()
    {
        var half = Trainer.Run(run.Config("half", "dtype: bfloat16"), new() { Reporter = new RecordingReporter() });
        var single = Trainer.Run(run.Config("single"), new() { Reporter = new RecordingReporter() });

        half.Loss.ShouldNotBe(single.Loss);
        half.Loss.ShouldBe(single.Loss, 0.05 * single.Loss);
    }

    [Fact]
    public void A_processor_without_its_instructions_gets_a_warning()
    {
        var reporter = new RecordingReporter();

        Trainer.Run(run.Config("half", "dtype: bfloat16", steps: 3), new() { Reporter = reporter });

        reporter.Warnings.Any(warning => warning.Contains("key 'dtype': bfloat16 is slower than float32 here"))
            .ShouldBe(!LibTorch.Info.HasFastBfloat16);
    }
}
