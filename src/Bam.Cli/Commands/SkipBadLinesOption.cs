using System.CommandLine;

namespace Bam.Cli.Commands;

/// <summary>How many lines of JSONL that cannot be read are passed over.</summary>
internal static class SkipBadLinesOption
{
    private const string Name = "--skip-bad-lines";

    public static Option<long> Create() => new(Name)
    {
        Description = "Skip up to N unreadable .jsonl lines, with a warning; fail if there are more",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    public static long Of(Invocation invocation, Option<long> option) =>
        invocation.Get(option) is >= 0 and var lines ? lines : throw new InvalidInputException(Name, "0 or more", $"{invocation.Get(option)}", "change it");
}
