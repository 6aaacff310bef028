using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Bam.Cli;

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
