using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>The tables of a study: its recipe's, or one of all models.</summary>
internal static class StudyTables
{
    private const double LargestWithHundredths = 1000;

    /// <summary>Appends the sections.</summary>
    public static void Add(Html html, Study study)
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
        if (table.Against is { } against) html.Add($". Small numbers in colour are the change against {against}; grey ones may be chance");
        html.Line($".{(table.Note.Length > 0 ? $" {table.Note}" : "")}</p>");
        var figures = ModelFigure.Perplexities(table.Domains ?? study.Domains);
        AddFigures(html, study, table, table.Title, figures, Decimals(study, table.Models, figures));
    }

    /// <summary>Appends bits per byte of all models.</summary>
    public static void AddBitsPerByte(Html html, Study study) => AddAllModels(
        html, study, "bits-per-byte", "Bits per byte",
        "The same losses in bits for each UTF-8 byte of the text. Unlike perplexity, they compare across tokenizers and with general compressors.",
        ModelFigure.ByDomain(study.Domains, model => model.BitsPerByte), 3);

    /// <summary>Appends a section with one table of all models over any columns, of which the lowest values are best.</summary>
    public static void AddAllModels(
        Html html, Study study, string id, string title, string text, IReadOnlyList<ModelFigure> figures, int decimals)
    {
        html.Line($"<section id='{id}'>").Line($"<h2>{title}</h2>").Line($"<p>{text}</p>");
        AddFigures(html, study, new RecipeTable { Title = title, Models = [.. study.Models.Select(model => model.Name)] }, title, figures, decimals);
        html.Line($"</section>");
    }

    /// <summary>Appends a table of the models of <paramref name="table"/> over any columns, of which the lowest values are best.</summary>
    public static void AddFigures(Html html, Study study, RecipeTable table, string caption, IReadOnlyList<ModelFigure> figures, int decimals)
    {
        var models = study.MeanModels.ToDictionary(model => model.Name);
        new DomainTable
        {
            Caption = caption,
            Groups = [("", [.. table.Models.Select(name => models[name])])],
            Columns = figures,
            Decimals = decimals,
            Baseline = table.Against is { } against ? models[against] : null,
            Samples = (model, figure) => study.Of(model.Name, figure.Value),
            Paper = (model, figure) => PaperFigures.Of(table, model.Name, figure),
        }.Add(html);
    }

    private static int Decimals(Study study, IEnumerable<string> models, IReadOnlyList<ModelFigure> figures) =>
        models.SelectMany(model => figures, (model, figure) => study.Of(model, figure.Value).Mean).Where(double.IsFinite).DefaultIfEmpty(0).Max() < LargestWithHundredths ? 2 : 1;
}
