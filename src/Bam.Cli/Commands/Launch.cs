using System.CommandLine;
using Bam.Cli.Launching;

namespace Bam.Cli.Commands;

/// <summary>Starts a command of Bam in several processes of this machine, with torchrun's environment variables.</summary>
internal sealed class Launch : Verb
{
    private readonly Argument<string[]> words = new("COMMAND")
    {
        Description = "After --: the command of Bam that every process runs, with its arguments",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> processes = new("--processes")
    {
        Description = "Number of processes; each gets an equal share of the cores, unless OMP_NUM_THREADS is set",
        HelpName = "N",
        Required = true,
    };

    private readonly Option<int> restarts = new("--restarts")
    {
        Description = "Maximum number of times that all processes start again after one has failed",
        HelpName = "R",
    };

    private readonly Option<int> port = new("--port")
    {
        Description = "Port through which the processes find each other; 0 for any free one",
        HelpName = "P",
    };

    public Launch()
        : base(
            "launch", "Train or measure one model with several processes of this machine",
            "bam launch --processes 2 -- train train.yaml")
    {
        Arguments.Add(words);
        Options.Add(processes);
        Options.Add(restarts);
        Options.Add(port);
    }

    public override int Execute(Invocation invocation)
    {
        var command = invocation.GetRequired(words);
        var count = Within(invocation, processes, 1, 4096);
        RequireCommand(command, count);
        var options = new LaunchOptions(
            [.. ThisProgram.Command, .. command], count, Within(invocation, port, 0, ushort.MaxValue));
        return Launcher.Run(
            options, Within(invocation, restarts, 0, int.MaxValue), invocation.Reporter, invocation.Cancellation);
    }

    /// <summary>Refuses once what every process would refuse.</summary>
    private static void RequireCommand(string[] command, int count)
    {
        var request = CommandLine.CreateRoot(Program.VerbsFor(command)).Parse(
            command, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (ParseErrors.Find(request) is { } wrong) throw new InvalidInputException(wrong);
        if (request.CommandResult.Command is Launch)
            throw new InvalidInputException("COMMAND", "a command that computes", "launch", "name what the processes run");
        if (count > 1 && request is { Action: null, CommandResult.Command: Verb { TakesRanks: false } })
            throw new InvalidInputException(
                "COMMAND", "a command that works in several processes",
                CommandLine.NameOf(request.CommandResult)["bam ".Length..], "run it without bam launch");
    }

    private static int Within(Invocation invocation, Option<int> option, int least, int most)
    {
        var value = invocation.Get(option);
        if (value >= least && value <= most) return value;
        var range = most == int.MaxValue ? $"an integer from {least}" : $"an integer from {least} to {most}";
        throw new InvalidInputException(option.Name, range, $"{value}", "correct it");
    }
}
