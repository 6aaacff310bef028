using System.Globalization;

namespace Bam.Data.Text;

/// <summary>A JSONL line or a Parquet row that cannot be read.</summary>
internal sealed record BadLine(string Where, string Expected, string Found, string Hint)
{
    private string? Message { get; init; }

    /// <summary>The line that an exception reports as "where: what; hint".</summary>
    public static BadLine Of(string message)
    {
        var hint = message.LastIndexOf("; ", StringComparison.Ordinal);
        return new("", "", "", hint < 0 ? "mend the line" : message[(hint + 2)..])
        {
            Message = hint < 0 ? message : message[..hint],
        };
    }

    public override string ToString() => Message ?? $"{Where}: expected {Expected}, found {Found}";
}

/// <summary>
/// Collects the JSONL lines and Parquet rows that cannot be read: all are counted and the first few reported; more than allowed
/// are an error.
/// </summary>
internal sealed class BadLines(long allowed)
{
    private const int MaxListed = 3;

    // With a wrong --text-key every line is bad: fail before reading a corpus of terabytes to the end.
    private const long MaxExcess = 1_000_000;

    private readonly List<BadLine> first = [];

    public long Count { get; private set; }

    /// <summary>True if the text is rejected after the remaining lines are counted.</summary>
    public bool AreTooMany => Count > allowed;

    /// <summary>Counts a bad line.</summary>
    /// <exception cref="InvalidInputException">The count exceeds the limit by a million.</exception>
    public void Add(BadLine line)
    {
        Count++;
        if (first.Count < MaxListed) first.Add(line);
        if (Count != allowed + MaxExcess) return;
        throw new InvalidInputException(
            $"at least {Described(Excess)}; check that --text-key (text_key in a recipe) names the text's field and that the "
                + "files are JSONL");
    }

    /// <summary>The error that summarizes all bad lines.</summary>
    public InvalidInputException Refusal()
    {
        var hints = string.Join(", or ", first.Select(line => line.Hint).Distinct());
        var option = string.Create(CultureInfo.InvariantCulture, $"--skip-bad-lines {Count} (skip_bad_lines in a recipe)");
        return Count == 1
            ? new($"{first[0]}; {hints}, or read past it with {option}")
            : new($"{Described(Excess)}; {hints}, or read past them with {option}");
    }

    public void Warn(IReporter reporter)
    {
        if (Count > 0) reporter.Warn(Described(" passed over"));
    }

    private string Excess =>
        allowed > 0 ? string.Create(CultureInfo.InvariantCulture, $", more than the {allowed:N0} that may be passed over") : "";

    private string Described(string what) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Count:N0} bad line{(Count == 1 ? "" : "s")}{what}: "
                + $"{string.Join("; ", first)}{(Count > first.Count ? "; …" : "")}");
}
