namespace Bam.Exporting;

/// <summary>All formats.</summary>
internal static class ExportFormats
{
    /// <summary>In the order in which they are listed.</summary>
    public static IReadOnlyList<IExportFormat> All { get; } = [new BamFormat(), new MixtralFormat(), new LlamaFormat(), new GgufFormat()];

    /// <summary>Those that a mixture can be written in at once.</summary>
    public static IReadOnlyList<SafetensorsFormat> Forms { get; } = [.. All.OfType<SafetensorsFormat>()];

    /// <summary>The format of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IExportFormat Named(string name) => Named(name, All);

    /// <summary>The form of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static SafetensorsFormat FormNamed(string name) => Named(name, Forms);

    private static T Named<T>(string name, IReadOnlyList<T> formats)
        where T : IExportFormat =>
        formats.FirstOrDefault(format => format.Name == name)
        ?? throw new InvalidInputException("--format", string.Join(", ", formats.Select(format => format.Name)), name, "choose one of these");
}
