using System.Globalization;

namespace Bam.Data.Text;

/// <summary>A line of JSONL that cannot be read.</summary>
/// <param name="Where">The line, and its field.</param>
/// <param name="Expected">What a good line holds there.</param>
/// <param name="Found">What this one holds.</param>
/// <param name="Hint">What to do about it.</param>
internal sealed record BadLine(string Where, string Expected, string Found, string Hint)
{
    public override string ToString() => $"{Where}: expected {Expected}, found {Found}";
}

/// <summary>The lines that cannot be read: all are counted, the first few are named, more than allowed are refused.</summary>
/// <param name="allowed">How many may be passed over.</param>
internal sealed class BadLines(long allowed)
{
    private const int Named = 3;

    // A wrong --text-key makes every line a bad one: that is told before a corpus of terabytes is read to its end.
    private const long MostCounted = 1_000_000;

    private readonly List<BadLine> first = [];

    public long Count { get; private set; }

    /// <summary>True: the text is refused once the rest is counted.</summary>
    public bool AreTooMany => Count > allowed;

    /// <summary>Counts one.</summary>
    /// <exception cref="InvalidInputException">So many are too many that the rest does not matter.</exception>
    public void Add(BadLine line)
    {
        Count++;
        if (first.Count < Named) first.Add(line);
        if (Count != allowed + MostCounted) return;
        throw new InvalidInputException(
            $"at least {Described(Excess)}; check that --text-key (text_key in a recipe) names the text's field and that the files are JSONL");
    }

    /// <summary>The refusal of all of them at once.</summary>
    public InvalidInputException Refusal()
    {
        var hints = string.Join(", or ", first.Select(line => line.Hint).Distinct());
        var option = string.Create(CultureInfo.InvariantCulture, $"--skip-bad-lines {Count} (skip_bad_lines in a recipe)");
        return Count == 1
            ? new($"{first[0]}; {hints}, or read past it with {option}")
            : new($"{Described(Excess)}; {hints}, or read past them with {option}");
    }

    /// <summary>Tells which lines are passed over.</summary>
    public void Warn(IReporter reporter)
    {
        if (Count > 0) reporter.Warn(Described(" passed over"));
    }

    private string Excess => allowed > 0 ? string.Create(CultureInfo.InvariantCulture, $", more than the {allowed:N0} that may be passed over") : "";

    private string Described(string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{Count:N0} bad line{(Count == 1 ? "" : "s")}{what}: {string.Join("; ", first)}{(Count > first.Count ? "; …" : "")}");
}
