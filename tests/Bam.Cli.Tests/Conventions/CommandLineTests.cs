using System.CommandLine;
using System.CommandLine.Help;
using System.Text;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Conventions;

public class CommandLineTests
{
    [Fact]
    public void Verbs_and_options_are_the_approved_ones()
    {
        var text = new StringBuilder();
        Describe(CommandLine.CreateRoot(Program.Verbs), "", text);
        ApprovedText.ShouldMatch("CommandLine.approved.txt", text.ToString());
    }

    [Fact]
    public void Every_verb_shows_an_example_that_names_it()
    {
        foreach (var (path, verb) in AllVerbs())
        {
            var run = CommandLineRun.Of([.. path.Split(' ').Skip(1), "--help"]);
            run.Status.ShouldBe(ExitStatus.Done);
            run.Output.ShouldContain($"Example:\n  {verb.Example}", customMessage: path);
            verb.Example.ShouldStartWith(path);
        }
    }

    [Fact]
    public void Every_example_parses()
    {
        var root = CommandLine.CreateRoot(Program.Verbs);
        foreach (var (_, verb) in AllVerbs())
            root.Parse([.. verb.Example.Split(' ').Skip(1)]).Errors.ShouldBeEmpty(verb.Example);
    }

    [Fact]
    public void Every_verb_and_option_is_described()
    {
        foreach (var (path, verb) in AllVerbs())
        {
            verb.Description.ShouldNotBeNullOrWhiteSpace(path);
            foreach (var option in verb.Options) option.Description.ShouldNotBeNullOrWhiteSpace($"{path} {option.Name}");
            foreach (var argument in verb.Arguments) argument.Description.ShouldNotBeNullOrWhiteSpace($"{path} {argument.Name}");
        }
    }

    private static IEnumerable<(string Path, Verb Verb)> AllVerbs()
    {
        foreach (var command in Program.Verbs)
        {
            if (command is Verb verb) yield return ($"bam {verb.Name}", verb);
            foreach (var member in command.Subcommands.OfType<Verb>()) yield return ($"bam {command.Name} {member.Name}", member);
        }
    }

    private static void Describe(Command command, string parent, StringBuilder text)
    {
        var path = $"{parent} {command.Name}".Trim();
        var arguments = command.Arguments.Select(
            argument => argument.Arity.MinimumNumberOfValues > 0 ? $" <{argument.Name}>" : $" [{argument.Name}]");
        text.Append(path).AppendJoin("", arguments).Append('\n');
        var options = command.Options.Where(option => option is not HelpOption);
        foreach (var option in options.OrderBy(option => option.Name, StringComparer.Ordinal))
        {
            var names = string.Join('|', new[] { option.Name }.Concat(option.Aliases));
            text.Append($"{path} {names}{(option.Required ? " required" : "")}\n");
        }

        foreach (var member in command.Subcommands.OrderBy(member => member.Name, StringComparer.Ordinal))
            Describe(member, path, text);
    }
}
