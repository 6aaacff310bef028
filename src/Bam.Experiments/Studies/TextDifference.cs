using System.Globalization;
using Bam.Experiments.Findings;

namespace Bam.Experiments.Studies;

/// <summary>
/// A domain or probe whose held-out text is not the same in all units of a study, as when a script found other text: their
/// figures do not compare. For each number of tokens counted, the seed numbers of those units.
/// </summary>
internal sealed record TextDifference(string Text, IReadOnlyList<(long Tokens, IReadOnlyList<long> Seeds)> Units)
{
    /// <summary>All of a study; text of as many tokens counts as the same.</summary>
    public static IReadOnlyList<TextDifference> Of(Study study)
    {
        IReadOnlyList<string> probes = [.. study.Units.SelectMany(unit => unit.Probes).Distinct()];
        IEnumerable<ModelFigure> texts =
        [
            .. ModelFigure.ByDomain(study.Domains, model => model.Perplexity),
            .. ModelFigure.OfProbes(probes, probe => probe.Perplexity),
        ];
        return
        [
            .. texts
                .Select(text => new TextDifference(text.Title, UnitsByTokens(study, text)))
                .Where(text => text.Units.Count > 1),
        ];
    }

    /// <summary>Warns of a study's differences, if there are any.</summary>
    public static void Warn(Study study, IReporter reporter)
    {
        if (InWords(Of(study)) is { } text) reporter.Warn($"{study.Name}: {text}");
    }

    /// <summary>What differs and what to do about it; null where nothing does.</summary>
    public static string? InWords(IReadOnlyList<TextDifference> differences) => differences.Count == 0
        ? null
        : $"the units were measured on different held-out text and cannot be compared ({string.Join("; ", differences)}); "
            + "remove the figures of one text and run those units again";

    /// <summary>As "law: 26,117 tokens with seeds 1, 2 and 25,904 tokens with seed 3".</summary>
    public override string ToString() => $"{Text}: {string.Join(" and ", Units.Select(InWords))}";

    private static string InWords((long Tokens, IReadOnlyList<long> Seeds) units)
    {
        var seeds = $"{(units.Seeds.Count == 1 ? "seed" : "seeds")} {string.Join(", ", units.Seeds)}";
        return string.Create(CultureInfo.InvariantCulture, $"{units.Tokens:N0} tokens with {seeds}");
    }

    private static IReadOnlyList<(long Tokens, IReadOnlyList<long> Seeds)> UnitsByTokens(Study study, ModelFigure text) =>
    [
        .. study.Units.Where(unit => unit.Models.Count > 0)
            .GroupBy(unit => text.Tokens(unit.Models[0]))
            .Where(units => units.Key > 0)
            .Select(units => (units.Key, (IReadOnlyList<long>)[.. units.Select(unit => unit.RandomSeed)])),
    ];
}
