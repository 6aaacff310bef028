using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Conventions;

/// <summary>What README and docs tell a user to type is what the command line takes.</summary>
public sealed partial class DocumentedCommandsTests
{
    public static TheoryData<string, string> Commands
    {
        get
        {
            var commands = new TheoryData<string, string>();
            var files = Directory.GetFiles(RepositoryRoot.PathOf("docs"), "*.md").Append(RepositoryRoot.PathOf("README.md"));
            foreach (var file in files)
                foreach (Match block in CodeBlock().Matches(File.ReadAllText(file)))
                    foreach (Match command in Command().Matches(block.Value))
                        commands.Add(Path.GetFileName(file), command.Groups["words"].Value);
            return commands;
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_documented_command_is_understood(string file, string words) =>
        CommandLine.CreateRoot(Program.Verbs).Parse([.. CommandLineParser.SplitCommandLine(words)]).Errors.ShouldBeEmpty(file);

    [Fact]
    public void Every_decision_is_in_the_index_once()
    {
        var decisions = RepositoryRoot.PathOf("docs", "decisions");
        var index = File.ReadAllText(Path.Combine(decisions, "README.md"));
        var written =
            from file in Directory.GetFiles(decisions, "0*.md")
            let name = Path.GetFileName(file)
            let title = File.ReadLines(file).First()["# 0000: ".Length..]
            select $"- [{name[..4]}]({name}) {title}";
        index.Split('\n').Where(line => line.StartsWith("- ", StringComparison.Ordinal)).ShouldBe(written, ignoreOrder: true);
    }

    [GeneratedRegex("^```\n.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("^(\\./)?bam (?!setup|install)(?<words>(\"[^\"\n]*\"|[^#\"\n])*)", RegexOptions.Multiline)]
    private static partial Regex Command();
}
