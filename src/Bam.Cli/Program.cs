using System.CommandLine;
using Bam.Cli.Commands;

namespace Bam.Cli;

internal static class Program
{
    private static readonly string[] Names =
    [
        "demo", "run", "data", "tokenizer", "train", "launch", "mix", "export", "eval", "generate", "serve", "forward", "report",
        "cost", "inspect", "doctor",
    ];

    /// <summary>The verbs, in the order in which <c>bam --help</c> lists them; one file each in Commands/.</summary>
    public static Command[] Verbs =>
        Array.ConvertAll(NativeStart.HasAllVerbs ? Names : ["mix", "inspect"], name => VerbNamed(name)!);

    /// <summary>
    /// The verbs that a command line needs: the one that its first word names, or all. To make all takes longer than to parse.
    /// </summary>
    public static Command[] VerbsFor(IReadOnlyList<string> words) => VerbNamed(words[0]) is { } verb ? [verb] : Verbs;

    // eng/start-native.sh starts the first two as machine code.
    private static Command? VerbNamed(string name) => name switch
    {
        "inspect" => new Inspect(),
        "mix" => new Mix(),
        _ => NativeStart.HasAllVerbs ? OtherVerbNamed(name) : null,
    };

    private static Command? OtherVerbNamed(string name) => name switch
    {
        "demo" => new Demo(),
        "run" => new RunRecipe(),
        "data" => new VerbGroup(name, "Build and inspect token shards", new DataBuild(), new DataInspect()),
        "tokenizer" => new VerbGroup(
            name, "Train tokenizers, encode and decode text", new TokenizerTrain(), new TokenizerEncode(), new TokenizerDecode()),
        "train" => new Train(),
        "launch" => new Launch(),
        "export" => new Export(),
        "eval" => new VerbGroup(name, "Evaluate models", new EvalPerplexity(), new EvalTasks(), new EvalLatency()),
        "generate" => new Generate(),
        "serve" => new Serve(),
        "forward" => new Forward(),
        "report" => new Report(),
        "cost" => new Cost(),
        "doctor" => new Doctor(),
        _ => null,
    };

    private static int Main(string[] arguments)
    {
        StandardOutput.Install();
        using var signals = new TerminationSignals(Console.Error);
        return CommandLine.Invoke(arguments, Console.Out, Console.Error, signals.Token);
    }
}
