using Bam.Torch;
using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

/// <summary>Training on a GPU: it learns, repeats itself, and goes on where it stopped.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GpuTrainingTests
{
    [SkippableTheory]
    [InlineData("float32", 1.0)]
    [InlineData("bfloat16", 1.5)]
    public void The_loss_of_a_learnable_sequence_falls(string dtype, double most)
    {
        using var run = new TinyRun { Device = Gpu.Require() };
        var live = Tensor.LiveCount;
        using (var session = run.Session($"dtype: {dtype}", steps: 60))
            Enumerable.Range(0, 60).Select(step => session.Step(step)).ToArray()[^1].Nll.ShouldBeLessThan(most);
        Tensor.LiveCount.ShouldBe(live);
    }

    [SkippableFact]
    public void Steps_are_those_of_the_processor()
    {
        using var run = new TinyRun { Device = Gpu.Require() };
        using var reference = new TinyRun();
        using TrainingSession found = run.Session(), expected = reference.Session();
        for (var step = 0; step < 10; step++)
        {
            var (x, y) = (found.Step(step), expected.Step(step));
            x.Loss.ShouldBe(y.Loss, 1e-3, $"step {step}");
            x.GradientNorm.ShouldBe(y.GradientNorm, 1e-2 * y.GradientNorm, $"step {step}");
        }
    }

    [SkippableTheory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void A_stopped_run_goes_on_bit_for_bit(string dtype)
    {
        using var run = new TinyRun { Device = Gpu.Require() };
        var more = $"dtype: {dtype}\ncheckpoint_every: 3\ngradient_accumulation: 2";
        var unbroken = Trainer.Run(run.Config("unbroken", more));
        using (var stop = new CancellationTokenSource())
        {
            var reporter = new RecordingReporter { OnAdvance = progress => { if (progress.Done == 5 * 64) stop.Cancel(); } };
            Should.Throw<OperationCanceledException>(
                () => Trainer.Run(run.Config("stopped", more), new() { Reporter = reporter, Cancellation = stop.Token }));
        }

        var resumed = Trainer.Run(run.Config("stopped", more));
        var (x, y) = (TinyRun.Parameters(resumed.Model), TinyRun.Parameters(unbroken.Model));
        foreach (var (name, values) in x) values.ShouldBe(y[name], name);
    }
}
