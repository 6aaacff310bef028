using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Files;

namespace Bam.Training;

/// <summary>What a run's result depends on besides its configuration: <c>identity.json</c>, part of every checkpoint.</summary>
internal sealed record RunIdentity
{
    /// <summary>SHA-256 of the keys that change the result, for the record: runs are compared key by key.</summary>
    public required string ConfigSha256 { get; init; }

    /// <summary>
    /// The starting point: SHA-256 over a checkpoint's files, or of the file that holds a new model's sizes; null where the
    /// configuration itself holds them, and where it is not known.
    /// </summary>
    public required string? ModelSha256 { get; init; }

    /// <summary>The domains' tokens.</summary>
    public required IReadOnlyList<DataIdentity> Data { get; init; }

    /// <summary>What computes it.</summary>
    public required ComputeIdentity Compute { get; init; }

    /// <summary>The first difference to the requested run after which this one cannot go on, or null.</summary>
    public string? DifferenceTo(RunIdentity now)
    {
        // A start that was deleted, or whose hash is unknown, cannot be compared.
        if (ModelSha256 is not null && now.ModelSha256 is not null && ModelSha256 != now.ModelSha256)
            return $"another starting model or file of sizes (SHA-256 {ModelSha256[..12]}…, now {now.ModelSha256[..12]}…)";
        if (Data.Count != now.Data.Count) return $"the data of {Data.Count} domains, now {now.Data.Count}";
        foreach (var (before, after) in Data.Zip(now.Data))
        {
            if (before != after)
            {
                return $"other data for domain '{after.Domain}' "
                    + $"({before.TokenBytes:N0} bytes of tokens, now {after.TokenBytes:N0})";
            }
        }

        return null;
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidInputException">The file is not such an identity.</exception>
    public static RunIdentity Load(string path)
    {
        const string hint = "remove the file if neither the starting model nor the data has changed since the run began";
        var identity = JsonRecord.Load<RunIdentity>(path, hint, TrainerState.Options);
        return identity.ModelSha256 is not { Length: not SHA256.HashSizeInBytes * 2 } hash
            ? identity
            : throw new InvalidInputException(
                $"{path}: key 'model_sha256'", $"{SHA256.HashSizeInBytes * 2} hexadecimal digits", $"'{hash}'", hint);
    }

    /// <summary>Writes the identity.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, TrainerState.ToJson(this));
}

/// <summary>What computes a run. Two runs that differ here agree up to rounding only.</summary>
internal sealed record ComputeIdentity
{
    /// <summary>Bam's version and commit.</summary>
    public required string Code { get; init; }

    public required string LibTorch { get; init; }

    /// <summary>The library behind its matrix products on the CPU.</summary>
    public required string Blas { get; init; }

    /// <summary>The threads of a matrix product.</summary>
    public required int Threads { get; init; }

    /// <summary>"cpu" or "cuda:N".</summary>
    public required string Device { get; init; }

    /// <summary>The processor's vector instructions; kernels sum in another order when they differ.</summary>
    public required string CpuFeatures { get; init; }

    /// <summary>How several processes share the work; null for one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Layout { get; init; }

    private const string OneProcess = "one process";

    /// <summary>"libtorch 1.13.1, now 2.14.0" for the first difference, or null.</summary>
    public string? DifferenceTo(ComputeIdentity now)
    {
        (string Name, string Before, string Now)[] parts =
        [
            ("bam", Code, now.Code),
            ("libtorch", LibTorch, now.LibTorch),
            ("BLAS", Blas, now.Blas),
            ("threads", $"{Threads}", $"{now.Threads}"),
            ("device", Device, now.Device),
            ("processor", CpuFeatures, now.CpuFeatures),
            ("layout", Layout ?? OneProcess, now.Layout ?? OneProcess),
        ];
        var different = parts.Where(p => p.Before != p.Now).Select(p => $"{p.Name} {p.Before}, now {p.Now}").ToArray();
        return different.Length == 0 ? null : string.Join("; ", different);
    }
}

/// <summary>Which tokens a domain's windows come from, without reading them all: the index and the size of the tokens.</summary>
/// <param name="Domain">The domain's name.</param>
/// <param name="IndexSha256">SHA-256 of the .idx file, which holds every document's length.</param>
/// <param name="TokenBytes">The size of the .bin file.</param>
/// <param name="BeginOfWindow">The token that each window begins with; null for none.</param>
/// <param name="MaskSha256">SHA-256 of the .mask file; null if all tokens count.</param>
internal sealed record DataIdentity(
    string Domain, string IndexSha256, long TokenBytes, int? BeginOfWindow = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? MaskSha256 = null)
{
    /// <summary>The identity of a .bin/.idx pair, whose path is given without its endings.</summary>
    public static DataIdentity Of(string domain, string prefix, int? beginOfWindow = null)
    {
        using var index = InputFile.OpenRead($"{prefix}.idx", "check the path");
        return new(
            domain, Convert.ToHexStringLower(SHA256.HashData(index)), new FileInfo($"{prefix}.bin").Length, beginOfWindow,
            HashOfMask(prefix + TokenMask.Extension));
    }

    private static string? HashOfMask(string path)
    {
        if (!File.Exists(path)) return null;
        using var mask = InputFile.OpenRead(path, "check the path");
        return Convert.ToHexStringLower(SHA256.HashData(mask));
    }
}
