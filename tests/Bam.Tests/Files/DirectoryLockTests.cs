using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_second_holder_is_refused_until_the_first_lets_go()
    {
        using (DirectoryLock.Acquire(directory["run"]))
        {
            Should.Throw<InvalidInputException>(() => DirectoryLock.Acquire(directory["run"]))
                .Message.ShouldBe(
                    $"{directory["run"]}: another bam is at work there; wait for it, stop it, or choose another output");
        }

        DirectoryLock.Acquire(directory["run"]).Dispose();
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_not_taken_for_another_process()
    {
        Directory.CreateDirectory(directory["run"]);
        File.CreateSymbolicLink(directory["run/.lock"], directory["run/.lock"]);
        Should.Throw<WorkFailedException>(() => DirectoryLock.Acquire(directory["run"])).Message
            .ShouldStartWith($"{directory["run/.lock"]}: cannot be written (");
    }
}
