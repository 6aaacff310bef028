using System.Text.Json.Nodes;
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
        var (half, single) = (LastLoss("half", "dtype: bfloat16"), LastLoss("single", ""));

        half.ShouldNotBe(single);
        half.ShouldBe(single, 0.05 * single);
    }

    [Fact]
    public void A_processor_without_its_instructions_gets_a_warning()
    {
        var reporter = new RecordingReporter();

        Trainer.Run(run.Config("half", "dtype: bfloat16", steps: 3), new() { Reporter = reporter });

        reporter.Warnings.Any(warning => warning.Contains("key 'dtype': bfloat16 is slower than float32 here"))
            .ShouldBe(!LibTorch.Info.HasFastBfloat16);
    }

    private double LastLoss(string output, string more)
    {
        var result = Trainer.Run(run.Config(output, more), new() { Reporter = new RecordingReporter() });
        var last = File.ReadLines(result.Metrics).Last(line => line.Contains("\"loss\"", StringComparison.Ordinal));
        return JsonNode.Parse(last)!["loss"]!.GetValue<double>();
    }
}
