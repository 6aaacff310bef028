using System.CommandLine;
using Bam.Cli.Commands;

namespace Bam.Cli;

internal static class Program
{
    // In the order in which `bam --help` lists them; one file each in Commands/.
    private static readonly (string Name, Func<string, Command> Make)[] Makers =
    [
        ("demo", _ => new Demo()),
        ("run", _ => new RunRecipe()),
        ("data", name => new VerbGroup(name, "Build and inspect token shards", new DataBuild(), new DataInspect())),
        ("tokenizer", name => new VerbGroup(
            name, "Train tokenizers, encode and decode text", new TokenizerTrain(), new TokenizerEncode(), new TokenizerDecode())),
        ("train", _ => new Train()),
        ("launch", _ => new Launch()),
        ("mix", _ => new Mix()),
        ("export", _ => new Export()),
        ("eval", name => new VerbGroup(name, "Evaluate models", new EvalPerplexity(), new EvalTasks(), new EvalLatency())),
        ("generate", _ => new Generate()),
        ("serve", _ => new Serve()),
        ("forward", _ => new Forward()),
        ("report", _ => new Report()),
        ("cost", _ => new Cost()),
        ("inspect", _ => new Inspect()),
        ("doctor", _ => new Doctor()),
    ];

    /// <summary>All verbs.</summary>
    public static Command[] Verbs => [.. Makers.Select(maker => maker.Make(maker.Name))];

    /// <summary>
    /// The verbs that a command line needs: the one that its first word names, or all. To make all takes longer than to parse.
    /// </summary>
    public static Command[] VerbsFor(IReadOnlyList<string> words)
    {
        foreach (var (name, make) in Makers)
            if (name == words[0]) return [make(name)];
        return Verbs;
    }

    private static int Main(string[] arguments)
    {
        StandardOutput.Install();
        using var signals = new TerminationSignals(Console.Error);
        return CommandLine.Invoke(arguments, Console.Out, Console.Error, signals.Token);
    }
}
