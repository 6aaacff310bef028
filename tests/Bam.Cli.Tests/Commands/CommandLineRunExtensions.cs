using Shouldly;

namespace Bam.Cli.Tests.Commands;

internal static class CommandLineRunExtensions
{
    public static void ShouldBeDone(this CommandLineRun run) => run.Status.ShouldBe(ExitStatus.Done, run.Error);
}
