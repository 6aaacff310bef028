using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Torch;

/// <summary>
/// Which BLAS libtorch gets. Debian's default OpenBLAS has threads of its own that spin against libgomp's; its OpenMP
/// build shares them. Loaded first by its full path it answers to the name that libtorch asks for.
/// </summary>
internal static unsafe class Blas
{
    private static readonly string[] s_openMpFiles =
    [
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0",
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3",
        "/usr/lib/x86_64-linux-gnu/openblas-openmp/liblapack.so.3",
    ];

    private static readonly string[] s_names = ["libopenblas", "libblas", "libmkl", "libblis", "libatlas"];

    /// <summary>Loads the OpenMP build, when it is installed and the libtorch is one that asks for libblas.so.3.</summary>
    internal static void Preload(string libtorch, List<string> attempts)
    {
        if (!ElfFile.Needs(libtorch, "libblas.so.3") && !ElfFile.Needs(libtorch, "libopenblas.so.0"))
            return;
        foreach (var file in s_openMpFiles)
        {
            if (File.Exists(file))
                NativeFile.TryLoad(file, attempts, out _);
            else
                attempts.Add($"{file}: not there; 'apt-get install libopenblas0-openmp' makes products 15 to 30 % faster");
        }
    }

    /// <summary>The BLAS libraries mapped into this process.</summary>
    internal static string[] MappedFiles() =>
        [.. File.ReadLines("/proc/self/maps")
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is var start and >= 0 ? line[start..] : "")
            .Where(path => s_names.Any(name => Path.GetFileName(path).StartsWith(name, StringComparison.Ordinal)))
            .Distinct()
            .Order(StringComparer.Ordinal)];

    /// <summary>OpenBLAS's own description, or the file's name, or what that means.</summary>
    internal static string Describe()
    {
        var files = MappedFiles();
        foreach (var file in files)
        {
            if (NativeLibrary.TryLoad(file, out var handle)
                && NativeLibrary.TryGetExport(handle, "openblas_get_config", out var function))
            {
                return new string((sbyte*)((delegate* unmanaged<byte*>)function)()).Trim();
            }
        }

        return files.Length == 0 ? "inside libtorch" : Path.GetFileName(files[0]);
    }
}

/// <summary>Reads what a 64-bit little-endian ELF library needs, without loading it.</summary>
internal static class ElfFile
{
    private const int LoadSegment = 1;
    private const int DynamicSegment = 2;
    private const long NeededTag = 1;
    private const long StringTableTag = 5;

    /// <summary>Whether an ELF library names another among those it needs; false for a file that is none.</summary>
    internal static bool Needs(string file, string library)
    {
        try
        {
            return Needed(file).Contains(library);
        }
        catch (Exception e) when (e is EndOfStreamException or ArgumentOutOfRangeException or OverflowException)
        {
            // The file is cut short, or of 32 bits.
            return false;
        }
    }

    private static List<string> Needed(string file)
    {
        using var stream = File.OpenRead(file);
        var header = Read(stream, 0, 64);
        if (!header.AsSpan().StartsWith("\u007fELF"u8)) return [];
        var programHeaders = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32));
        var entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54));
        var entries = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        var segments = new List<(int Type, long Offset, long Address, long Size)>();
        for (var i = 0; i < entries; i++)
        {
            var entry = Read(stream, programHeaders + (i * entrySize), entrySize).AsSpan();
            segments.Add((
                BinaryPrimitives.ReadInt32LittleEndian(entry),
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[16..]),
                BinaryPrimitives.ReadInt64LittleEndian(entry[32..])));
        }

        var dynamic = segments.Find(segment => segment.Type == DynamicSegment);
        var table = Read(stream, dynamic.Offset, (int)dynamic.Size);
        var names = new List<long>();
        var strings = 0L;
        for (var at = 0; at + 16 <= table.Length; at += 16)
        {
            var tag = BinaryPrimitives.ReadInt64LittleEndian(table.AsSpan(at));
            var value = BinaryPrimitives.ReadInt64LittleEndian(table.AsSpan(at + 8));
            if (tag == NeededTag)
                names.Add(value);
            else if (tag == StringTableTag)
                strings = value;
        }

        // The table gives the strings' address in memory; the segment around it says where that is in the file.
        var home = segments.Find(segment =>
            segment.Type == LoadSegment && strings >= segment.Address && strings < segment.Address + segment.Size);
        return names.ConvertAll(name => ReadText(stream, strings - home.Address + home.Offset + name));
    }

    private static byte[] Read(FileStream stream, long offset, int count)
    {
        var bytes = new byte[count];
        stream.Position = offset;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static string ReadText(FileStream stream, long offset)
    {
        stream.Position = offset;
        var text = new StringBuilder();
        for (var value = stream.ReadByte(); value > 0; value = stream.ReadByte())
            text.Append((char)value);
        return text.ToString();
    }
}
