using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Bam.Cli;

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
