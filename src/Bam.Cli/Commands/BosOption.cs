using System.CommandLine;
using Bam.Data;

namespace Bam.Cli.Commands;

/// <summary>The option <c>--bos</c>: where begin-of-text tokens are put.</summary>
internal static class BosOption
{
    private const string Name = "--bos";

    public static Option<string?> Create(string description) => new(Name) { Description = description, HelpName = "PLACE" };

    /// <summary>What the user says; null for nothing.</summary>
    public static BeginOfText? Of(Invocation invocation, Option<string?> option, params BeginOfText[] allowed)
    {
        if (invocation.Get(option) is not { } word) return null;
        foreach (var place in allowed)
            if (place.ToString().Equals(word, StringComparison.OrdinalIgnoreCase)) return place;
        throw new InvalidInputException(Name, string.Join(" or ", allowed.Select(place => place.ToString().ToLowerInvariant())), word, "choose one of these");
    }
}
