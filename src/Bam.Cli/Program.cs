using System.CommandLine;
using Bam.Cli.Commands;

namespace Bam.Cli;

internal static class Program
{
    /// <summary>The verbs, in the order in which <c>bam --help</c> lists them; one file each in Commands/.</summary>
    public static Command[] Verbs =>
    [
        new Demo(),
        new RunRecipe(),
        new VerbGroup("data", "Build and inspect token shards", new DataBuild(), new DataInspect()),
        new VerbGroup(
            "tokenizer",
            "Train tokenizers, encode and decode text",
            new TokenizerTrain(),
            new TokenizerEncode(),
            new TokenizerDecode()),
        new Train(),
        new Launch(),
        new Mix(),
        new Export(),
        new VerbGroup("eval", "Evaluate models", new EvalPerplexity(), new EvalTasks(), new EvalLatency()),
        new Generate(),
        new Serve(),
        new Forward(),
        new Report(),
        new Cost(),
        new Inspect(),
        new Doctor(),
    ];

    private static int Main(string[] arguments)
    {
        StandardOutput.Install();
        using var signals = new TerminationSignals(Console.Error);
        return CommandLine.Invoke(arguments, Console.Out, Console.Error, signals.Token);
    }
}
