using System.CommandLine;

namespace Bam.Cli;

/// <summary>A word that only says which family of verbs is meant: <c>bam data build</c>.</summary>
internal sealed class VerbGroup : Command
{
    public VerbGroup(string name, string description, params Verb[] verbs)
        : base(name, description)
    {
        foreach (var verb in verbs) Subcommands.Add(verb);
    }
}
