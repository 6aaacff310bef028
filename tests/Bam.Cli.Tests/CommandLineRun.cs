namespace Bam.Cli.Tests;

/// <summary>The command line, run inside the test: the exit status and what it wrote.</summary>
internal sealed record CommandLineRun(int Status, string Output, string Error)
{
    public static CommandLineRun Of(params string[] arguments) => Of(CancellationToken.None, arguments);

    public static CommandLineRun Of(CancellationToken cancellation, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var status = CommandLine.Invoke(arguments, output, error, cancellation);
        return new CommandLineRun(status, output.ToString(), error.ToString());
    }
}
