using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;
using Bam.Training.Distributed;

namespace Bam.Cli;

/// <summary>Parses the arguments, runs the verb, and turns every failure into one line and an exit status.</summary>
internal static class CommandLine
{
    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as JSON",
        Recursive = true,
    };

    /// <summary>The command <c>bam</c> itself. It is no RootCommand, because that one is named after the executable.</summary>
    public static Command CreateRoot(IEnumerable<Command> verbs)
    {
        var root = new Command(
            "bam", "Build a mixture of experts from dense language models (BAM, BTX), train it and evaluate it");
        root.Options.Add(new HelpOption { Action = new HelpWithExample() });
        root.Options.Add(new VersionOption { Action = new ShowVersion() });
        root.Options.Add(Json);
        foreach (var verb in verbs) root.Subcommands.Add(verb);
        return root;
    }

    public static int Invoke(IReadOnlyList<string> arguments, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        var words = arguments.Count == 0 ? ["--help"] : arguments;
        var verbs = words is ["--version"] ? [] : Program.VerbsFor(words);
        var request = CreateRoot(verbs).Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });
        using var reporter = new Reporter(error);
        if (ParseErrors.Find(request) is { } wrong)
        {
            reporter.Fail(wrong);
            return ExitStatus.WrongRequest;
        }

        try
        {
            if (request.Action is not null || request.CommandResult.Command is not Verb verb)
                return request.Invoke(
                    new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
            EmptyWords.Refuse(request.CommandResult);
            if (!verb.TakesRanks)
                DistributedEnvironment.RequireNoCopies(NameOf(request.CommandResult), Environment.GetEnvironmentVariable);
            return verb.Execute(new Invocation(request, output, request.GetValue(Json), reporter, cancellation));
        }
        catch (Exception e)
        {
            return Failure.Report(e, reporter, cancellation);
        }
    }

    /// <summary>The whole name of a command, as <c>bam eval tasks</c>.</summary>
    public static string NameOf(CommandResult command) =>
        command.Parent is CommandResult group ? $"{NameOf(group)} {command.Command.Name}" : command.Command.Name;
}

/// <summary><c>--help</c>, followed by the verb's example.</summary>
internal sealed class HelpWithExample : SynchronousCommandLineAction
{
    private readonly HelpAction help = new();

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var status = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        switch (parseResult.CommandResult.Command)
        {
            case Verb verb:
                output.WriteLine($"Example:\n  {verb.Example}\n");
                break;
            case { Name: "bam" }:
                output.WriteLine("Examples:\n  bam demo\n  bam train --help\n");
                break;
        }

        return status;
    }
}

/// <summary><c>--version</c>: the version and, after a plus, the commit it was built from.</summary>
internal sealed class ShowVersion : SynchronousCommandLineAction
{
    public static string Version { get; } =
        typeof(ShowVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public override int Invoke(ParseResult parseResult)
    {
        parseResult.InvocationConfiguration.Output.WriteLine($"bam {Version}");
        return ExitStatus.Done;
    }
}
