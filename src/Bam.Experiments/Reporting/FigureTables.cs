using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The tables of models over perplexities, bits per byte or any other figures.</summary>
internal static class FigureTables
{
    private const double LargestWithHundredths = 1000;

    /// <summary>Appends the perplexities: a section for each table of the recipe, or one of all models.</summary>
    public static void AddPerplexities(Html html, Study study)
    {
        foreach (var (index, table) in study.Tables.Index())
        {
            html.Line($"<section id='table-{index + 1}'>").Line($"<h2>{table.Title}</h2>");
            AddTable(html, study, table);
            html.Line($"</section>");
        }
    }

    /// <summary>Appends one table, with what a reader must know.</summary>
    public static void AddTable(Html html, Study study, RecipeTable table)
    {
        html.Add($"<p>Perplexity on held-out text: lower is better, the <b class='best'>best</b> of each column is marked");
        if (study.Models.Any(model => model.Domain is not null && table.Models.Contains(model.Name)))
            html.Add($", and a specialised model’s <span class='own'>own domain</span> is shaded");
        if (table.Against is { } against)
            html.Add($". Small coloured numbers are the change against {against}; grey ones may be due to chance");
        html.Line($".{(table.Note.Length > 0 ? $" {table.Note}" : "")}</p>");
        var figures = ModelFigure.Perplexities(table.Domains ?? study.Domains);
        AddFigures(html, study, table, table.Title, figures, Decimals(study, table.Models, figures));
    }

    /// <summary>Appends every model on every probe, if the recipe has probes.</summary>
    public static void AddProbes(Html html, Study study)
    {
        var probes = study.Units[0].Probes;
        if (probes.Count == 0) return;
        html.Line($"<section id='probes'>")
            .Line($"<h2>Beyond the domains</h2>")
            .Add($"<p>Text unlike the training text: of other kinds, corrupted, or with several domains in one window. Bits ")
            .Add($"per byte can be compared between columns, and between a domain’s text and its corrupted version. ")
            .Line($"Perplexities cannot, because corrupted text has more and shorter tokens.</p>");
        var table = study.Tables[0];
        var bitsPerByte = ModelFigure.OfProbes(probes, probe => probe.BitsPerByte);
        var perplexities = ModelFigure.OfProbes(probes, probe => probe.Perplexity);
        AddFigures(html, study, table, "Bits per byte by model and probe", bitsPerByte, 3);
        AddFigures(html, study, table, "Perplexity by model and probe", perplexities, 1);
        html.Line($"</section>");
    }

    /// <summary>Appends bits per byte of all models.</summary>
    public static void AddBitsPerByte(Html html, Study study) => AddAllModels(
        html, study, "bits-per-byte", "Bits per byte",
        "The same losses in bits per UTF-8 byte of the text. "
        + "Unlike perplexities, they can be compared across tokenizers and with general-purpose compressors.",
        ModelFigure.ByDomain(study.Domains, model => model.BitsPerByte), 3);

    /// <summary>Appends a section with one table of all models over any columns, of which the lowest values are best.</summary>
    public static void AddAllModels(
        Html html, Study study, string id, string title, string text, IReadOnlyList<ModelFigure> figures, int decimals)
    {
        html.Line($"<section id='{id}'>").Line($"<h2>{title}</h2>").Line($"<p>{text}</p>");
        var table = new RecipeTable { Title = title, Models = [.. study.Models.Select(model => model.Name)] };
        AddFigures(html, study, table, title, figures, decimals);
        html.Line($"</section>");
    }

    /// <summary>
    /// Appends a table of the models of <paramref name="table"/> over any columns, of which the lowest values are best.
    /// </summary>
    public static void AddFigures(
        Html html, Study study, RecipeTable table, string caption, IReadOnlyList<ModelFigure> figures, int decimals)
    {
        var models = study.MeanModels.ToDictionary(model => model.Name);
        new DomainTable
        {
            Caption = caption,
            Groups = table.Models.Count == models.Count
                ? ModelGroups.Of([.. models.Values])
                : [("", [.. table.Models.Select(name => models[name])])],
            Columns = figures,
            Decimals = decimals,
            Baseline = table.Against is { } against ? models[against] : null,
            Samples = (model, figure) => study.Of(model.Name, figure.Value),
            Paper = (model, figure) => QuotedFigures.Of(table, model.Name, figure),
        }.Add(html);
    }

    private static int Decimals(Study study, IEnumerable<string> models, IReadOnlyList<ModelFigure> figures) =>
        models.SelectMany(model => figures, (model, figure) => study.Of(model, figure.Value).Mean)
            .Where(double.IsFinite).DefaultIfEmpty(0).Max() < LargestWithHundredths ? 2 : 1;
}

/// <summary>The figures that a recipe's tables quote from the paper.</summary>
internal static class QuotedFigures
{
    /// <summary>The figure that a table quotes; NaN when it quotes none.</summary>
    public static double Of(RecipeTable table, string model, ModelFigure figure) =>
        table.Paper.GetValueOrDefault(model)?.GetValueOrDefault(figure.Title, double.NaN) ?? double.NaN;

    /// <summary>By how much one model differs from another in the first table that quotes both; NaN when none does.</summary>
    public static double Change(Recipe recipe, string model, string against, ModelFigure figure) => recipe.Tables
        .Select(table => (Of(table, model, figure) / Of(table, against, figure)) - 1)
        .FirstOrDefault(double.IsFinite, double.NaN);
}
