namespace Bam.Fuzz;

/// <summary>One kind of input.</summary>
/// <param name="Name">Its name; part of what cases follow from.</param>
/// <param name="Share">How many of the cases it gets, relative to the others: cheap kinds get more.</param>
/// <param name="Make">Makes a case in the workspace and says the command line that reads it.</param>
internal sealed record Kind(string Name, int Share, Func<Workspace, Dice, string[]> Make)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Makes a case and runs it.</summary>
    public Verdict Run(Workspace workspace, long seed)
    {
        workspace.Clear();
        var arguments = Make(workspace, new Dice(Name, seed));
        using var output = new StringWriter();
        using var error = new StringWriter();
        // A mutant may well ask for a million steps; it is asked to stop, as a user would.
        using var cancellation = new CancellationTokenSource(Patience);
        var status = Cli.CommandLine.Invoke(arguments, output, error, cancellation.Token);
        return Verdict.Of(arguments, status, error.ToString());
    }

    /// <summary>The command line of a case, for the message about it.</summary>
    public string Describe(Workspace workspace, long seed)
    {
        workspace.Clear();
        return string.Join(' ', Make(workspace, new Dice(Name, seed)));
    }
}
