using System.Text.RegularExpressions;
using Bam.Files;
using ParquetSharp;

namespace Bam.Data.Text;

/// <summary>An open Parquet file: its columns, whose values are read in order.</summary>
internal sealed partial class ParquetFile : IDisposable
{
    private const int BufferSize = 1 << 20;

    // Up to this length a column of a row group is in memory as a whole, compressed. In a longer file it is read page by page;
    // there the library allocates what the header of a page says, up to 2 GiB if it is damaged.
    private const int MaxUnbufferedLength = 1 << 24;

    private const int MaxNames = 8;
    private const int MaxNameLength = 40;
    private const int MaxMessageLength = 200;

    private readonly string path;
    private readonly ParquetFileReader reader;

    private ParquetFile(string path, long length)
    {
        this.path = path;
        using var properties = ReaderProperties.GetDefaultReaderProperties();
        properties.EnablePageChecksumVerification();
        if (length > MaxUnbufferedLength)
        {
            properties.EnableBufferedStream();
            properties.BufferSize = BufferSize;
        }

        // From a .NET stream the library would read by delegates, which it may call after they are collected.
        reader = new ParquetFileReader(path, properties);
    }

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    private static ReadOnlySpan<byte> MagicOfEncrypted => "PARE"u8;

    public long RowCount => reader.FileMetaData.NumRows;

    public int RowGroupCount => reader.FileMetaData.NumRowGroups;

    /// <summary>Reads the metadata of a file. The stream, of the same file, is left open at its beginning.</summary>
    /// <exception cref="InvalidInputException">It is no Parquet file, damaged or encrypted.</exception>
    public static ParquetFile Open(Stream stream, string path)
    {
        RequireMagic(stream, path);
        return Checked(path, () => new ParquetFile(path, stream.Length));
    }

    /// <summary>The index of a column of strings. A field of a struct has a dotted name.</summary>
    /// <param name="name">The column's name.</param>
    /// <param name="hint">Shown if there is no such column.</param>
    /// <exception cref="InvalidInputException">There is no such column, or its values are not strings.</exception>
    public int FindColumn(string name, string hint) => Checked(path, () =>
    {
        var schema = reader.FileMetaData.Schema;
        var names = Enumerable.Range(0, schema.NumColumns).Select(i => schema.Column(i).Path.ToDotString()).ToList();
        var index = names.IndexOf(name);
        if (index < 0)
            throw new InvalidInputException(path, $"the column \"{name}\"", Listed(names), hint);
        if (names.LastIndexOf(name) != index)
            throw new InvalidInputException(path, $"one column \"{name}\"", "several", "rename the others");
        if (OtherType(schema.Column(index)) is { } type)
            throw new InvalidInputException($"{path}, column \"{ShortText.Of(name)}\"", "strings", type, hint);
        return index;
    });

    /// <summary>The values of a column in one row group. Dispose it before the file.</summary>
    public ParquetColumn OpenColumn(int rowGroup, int column) =>
        Checked(path, () => new ParquetColumn(reader.RowGroup(rowGroup), column, path, rowGroup));

    public void Dispose() => reader.Dispose();

    /// <summary>Calls the library and turns its exceptions into messages.</summary>
    /// <exception cref="InvalidInputException">The file is damaged or encrypted.</exception>
    internal static T Checked<T>(string path, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (ParquetException e) when (e.Message.Contains("crypt", StringComparison.OrdinalIgnoreCase))
        {
            throw Encrypted(path);
        }
        catch (ParquetException e)
        {
            throw Damaged(path, MessageOf(e), e);
        }
        catch (OutOfMemoryException e)
        {
            throw new InvalidInputException(
                $"{path}: the Parquet file is damaged, or one of its pages needs more memory than there is; copy it again", e);
        }
        catch (Exception e) when (e is DllNotFoundException || e.InnerException is DllNotFoundException)
        {
            throw new WorkFailedException($"{path}: ParquetSharp's library, which reads Parquet files, cannot be loaded", e);
        }
    }

    /// <summary>The error for a damaged file.</summary>
    internal static InvalidInputException Damaged(string path, string what, Exception? cause = null) =>
        new($"{path}: the Parquet file is damaged ({what}); copy it again", cause);

    private static void RequireMagic(Stream stream, string path)
    {
        Span<byte> head = stackalloc byte[Magic.Length], tail = stackalloc byte[Magic.Length];
        var count = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        stream.Position = Math.Max(0, stream.Length - tail.Length);
        stream.ReadAtLeast(tail, tail.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        if (head.SequenceEqual(MagicOfEncrypted)) throw Encrypted(path);
        if (!Magic.StartsWith(head[..count]))
            throw new InvalidInputException(
                path, "a Parquet file", "other bytes at its beginning",
                "copy it again, or leave .parquet off its name if it is text");
        if (stream.Length <= Magic.Length || !tail.SequenceEqual(Magic))
            throw new InvalidInputException($"{path}: the end of the Parquet file is missing; copy it again");
    }

    private static InvalidInputException Encrypted(string path) =>
        new(path, "a Parquet file without encryption", "an encrypted one", "decrypt it");

    // The library puts C++ types before the message: "N7parquet…E (message: 'IOError: … TProtocolException: …')".
    private static string MessageOf(ParquetException exception)
    {
        var message = OuterType().Replace(exception.Message, "$1");
        return ShortText.Of(InnerType().Replace(message, "").Trim().ReplaceLineEndings(" "), MaxMessageLength);
    }

    private static string Listed(List<string> names)
    {
        if (names.Count == 0) return "no column";
        var quoted = names.Take(MaxNames).Select(name => $"\"{ShortText.Of(name, MaxNameLength)}\"");
        return $"only {string.Join(", ", quoted)}{(names.Count > MaxNames ? " …" : "")}";
    }

    // JSON and enumerations are strings too; bytes without a logical type are taken as UTF-8.
    private static string? OtherType(ColumnDescriptor column)
    {
        if (column.MaxRepetitionLevel > 0) return "lists";
        if (column.PhysicalType != PhysicalType.ByteArray) return $"values of type {column.PhysicalType}";
        try
        {
            using var type = column.LogicalType;
            return type is StringLogicalType or JsonLogicalType or EnumLogicalType or NoneLogicalType
                ? null
                : $"values of type {type.Type}";
        }
        catch (ArgumentOutOfRangeException)
        {
            return "values of a type that is not known here";
        }
    }

    [GeneratedRegex(@"\A\S+ \(message: '(.*)'\)\z", RegexOptions.Singleline)]
    private static partial Regex OuterType();

    [GeneratedRegex(@"\b\w+Exception: ")]
    private static partial Regex InnerType();
}
