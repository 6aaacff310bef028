using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>Bits per byte of every model on every domain.</summary>
internal static class BitsPerByteTable
{
    /// <summary>Appends the section.</summary>
    public static void Add(Html html, ReportData data)
    {
        html.Line($"<section id='bits-per-byte'>")
            .Line($"<h2>Bits per byte</h2>")
            .Add($"<p>The same losses in bits for each UTF-8 byte of the text. Unlike perplexity, they compare across tokenizers and ")
            .Line($"with general compressors.</p>");
        new DomainTable
        {
            Caption = "Bits per byte by model and domain",
            Groups = data.Groups,
            Columns = ModelFigure.ByDomain(data.Results.Domains, model => model.BitsPerByte),
            Decimals = 3,
        }.Add(html);
        html.Line($"</section>");
    }
}
