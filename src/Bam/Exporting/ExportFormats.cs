using Bam.Exporting.Gguf;

namespace Bam.Exporting;

/// <summary>All formats.</summary>
public static class ExportFormats
{
    /// <summary>In the order in which they are listed.</summary>
    public static IReadOnlyList<IExportFormat> All { get; } = [new BamFormat(), new MixtralFormat(), new LlamaFormat(), new GgufFormat()];

    /// <summary>The format of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IExportFormat Named(string name) =>
        All.FirstOrDefault(format => format.Name == name)
        ?? throw new InvalidInputException("format", string.Join(", ", All.Select(format => format.Name)), name, "choose one of these");
}
