using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class TrainerStateTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    [Fact]
    public void Doubles_come_back_bit_for_bit()
    {
        var state = new TrainerState
        {
            Step = 3, Tokens = 4, CoreSeconds = 0.1 + 0.2, StepSeconds = 1 / 3.0, Window = new() { Steps = 2, Loss = Math.PI },
        };
        state.Save(directory.Root);
        TrainerState.Load(directory.Root).ShouldBe(state);
    }

    [Fact]
    public void A_damaged_state_is_one_line()
    {
        File.WriteAllText(directory[TrainerState.FileName], "{\"step\": ");
        Should.Throw<InvalidInputException>(() => TrainerState.Load(directory.Root))
            .Message.ShouldContain("trainer_state.json: not JSON (line 1");
        File.WriteAllText(directory[TrainerState.FileName], "{\"format\": 2}");
        Should.Throw<InvalidInputException>(() => TrainerState.Load(directory.Root))
            .Message.ShouldContain("expected format 1, found 2");
    }

    [Theory]
    [InlineData("step-300", 500, "key 'step': expected 300, the step in the checkpoint's name, found 500")]
    [InlineData("step-300", 0, "key 'step': expected 300, the step in the checkpoint's name, found 0")]
    [InlineData("model", -1, "key 'step': expected 0 or more, found -1")]
    public void The_steps_are_those_of_the_checkpoints_name(string name, long step, string message)
    {
        Directory.CreateDirectory(directory[name]);
        new TrainerState { Step = step }.Save(directory[name]);

        Should.Throw<InvalidInputException>(() => TrainerState.Load(directory[name])).Message.ShouldContain(message);
    }

    public void Dispose() => directory.Dispose();
}
