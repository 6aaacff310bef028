namespace Bam.Data.Text;

/// <summary>How documents lie in a file.</summary>
internal enum TextLayout
{
    PlainText,
    JsonLines,
    Parquet,
}

/// <summary>How a whole file is compressed; Parquet compresses inside the file.</summary>
internal enum TextCompression
{
    None,
    Gzip,
    Zstd,
}

/// <summary>How a file is read; its name determines this, case-insensitive.</summary>
internal readonly record struct TextFileKind(TextLayout Layout, TextCompression Compression)
{
    private static readonly (string Extension, TextCompression Compression)[] Compressions =
        [(".gz", TextCompression.Gzip), (".zst", TextCompression.Zstd), (".zstd", TextCompression.Zstd)];

    /// <summary>True if the size of the file differs from that of its text.</summary>
    public bool IsCompressed => Compression != TextCompression.None || Layout == TextLayout.Parquet;

    /// <summary>
    /// The kind of a file. A name without a known extension means plain text; null if the content of a compressed file is
    /// unknown, as of <c>.tar.gz</c>.
    /// </summary>
    public static TextFileKind? Of(string file)
    {
        var (extension, compression) = Array.Find(Compressions, known => EndsIn(file, known.Extension));
        var content = file[..^(extension?.Length ?? 0)];
        if (EndsIn(content, ".jsonl") || EndsIn(content, ".ndjson")) return new(TextLayout.JsonLines, compression);
        if (compression == TextCompression.None)
            return new(EndsIn(file, ".parquet") ? TextLayout.Parquet : TextLayout.PlainText, compression);
        return EndsIn(content, ".txt") ? new(TextLayout.PlainText, compression) : null;
    }

    /// <summary>True if the extension is one of text; a folder stands for such files.</summary>
    public static bool IsText(string file) =>
        Of(file) is { } kind
            && (kind.Layout != TextLayout.PlainText || kind.Compression != TextCompression.None || EndsIn(file, ".txt"));

    private static bool EndsIn(string file, string extension) => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase);
}
