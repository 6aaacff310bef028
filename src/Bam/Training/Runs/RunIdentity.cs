using System.Security.Cryptography;
using Bam.Files;

namespace Bam.Training.Runs;

/// <summary>What a run's result depends on beside its configuration: <c>identity.json</c>, and a part of every checkpoint.</summary>
public sealed record RunIdentity
{
    /// <summary>SHA-256 of the configuration's keys that change the result, for the record: runs are compared key by key.</summary>
    public required string ConfigSha256 { get; init; }

    /// <summary>
    /// The starting point: SHA-256 over a checkpoint's files, or of the file that holds a new model's sizes; null where the configuration
    /// itself holds them, and where it is not known.
    /// </summary>
    public required string? ModelSha256 { get; init; }

    /// <summary>The domains' tokens.</summary>
    public required IReadOnlyList<DataIdentity> Data { get; init; }

    /// <summary>What computes it.</summary>
    public required ComputeIdentity Compute { get; init; }

    /// <summary>The first difference after which a run cannot go on, or null.</summary>
    /// <param name="now">The identity of what the person asks for now.</param>
    public string? DifferenceTo(RunIdentity now)
    {
        // A start that is gone, or one whose hash was never taken, cannot be compared.
        if (ModelSha256 is not null && now.ModelSha256 is not null && ModelSha256 != now.ModelSha256)
            return $"another starting model or file of sizes (SHA-256 {ModelSha256[..12]}…, now {now.ModelSha256[..12]}…)";
        if (Data.Count != now.Data.Count) return $"the data of {Data.Count} domains, now {now.Data.Count}";
        foreach (var (before, after) in Data.Zip(now.Data))
        {
            if (before != after)
                return $"other data for domain '{after.Domain}' ({before.TokenBytes:N0} bytes of tokens, now {after.TokenBytes:N0})";
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
            : throw new InvalidInputException($"{path}: key 'model_sha256'", $"{SHA256.HashSizeInBytes * 2} hexadecimal digits", $"'{hash}'", hint);
    }

    /// <summary>Writes the identity.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, TrainerState.ToJson(this));
}
