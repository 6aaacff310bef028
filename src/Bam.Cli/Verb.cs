using System.CommandLine;

namespace Bam.Cli;

/// <summary>
/// One verb of the command line: its options are its fields, added in its constructor. The description has no full stop; the
/// example is a whole command line that works, shown by <c>--help</c>.
/// </summary>
internal abstract class Verb(string name, string description, string example) : Command(name, description)
{
    public string Example { get; } = example;

    /// <summary>
    /// Whether the ranks of a launch may run it: they compute together, share the phases of a run, or only print. Other verbs are
    /// refused there, as every rank would write the same files.
    /// </summary>
    public virtual bool TakesRanks => false;

    /// <summary>
    /// Does the work on the calling thread, the only one that computes. Throws <see cref="InvalidInputException"/> or
    /// <see cref="WorkFailedException"/> with one line; after saving on cancellation, <see cref="OperationCanceledException"/>.
    /// </summary>
    /// <returns>An <see cref="ExitStatus"/>.</returns>
    public abstract int Execute(Invocation invocation);
}

/// <summary>A group of verbs, such as <c>bam data</c>.</summary>
internal sealed class VerbGroup : Command
{
    public VerbGroup(string name, string description, params Verb[] verbs)
        : base(name, description)
    {
        foreach (var verb in verbs) Subcommands.Add(verb);
    }
}
