using Bam.Training.Runs;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Runs;

public sealed class TrainerStateTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    [Fact]
    public void Doubles_come_back_bit_for_bit()
    {
        var state = new TrainerState { Step = 3, Tokens = 4, CoreSeconds = 0.1 + 0.2, StepSeconds = 1 / 3.0, Window = new() { Steps = 2, Loss = Math.PI } };
        state.Save(directory.Root);
        TrainerState.Load(directory.Root).ShouldBe(state);
    }

    [Fact]
    public void A_damaged_state_is_one_line()
    {
        File.WriteAllText(directory[TrainerState.FileName], "{\"step\": ");
        Should.Throw<InvalidInputException>(() => TrainerState.Load(directory.Root)).Message.ShouldContain("trainer_state.json: not JSON (line 1");
        File.WriteAllText(directory[TrainerState.FileName], "{\"format\": 2}");
        Should.Throw<InvalidInputException>(() => TrainerState.Load(directory.Root)).Message.ShouldContain("expected format 1, found 2");
    }

    public void Dispose() => directory.Dispose();
}
