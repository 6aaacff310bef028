using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Configuration;
using Bam.Training.Distributed;

namespace Bam.Training;

/// <summary>What keeps the processes of a run from waiting for one that has not begun, or has begun something else.</summary>
internal static class RankStart
{
    /// <summary>Does something before the processes have joined; when it fails, the others hear why.</summary>
    public static T Explained<T>(DistributedEnvironment environment, Func<T> prepare)
    {
        try
        {
            return prepare();
        }
        catch (Exception e)
        {
            if (environment.Size > 1) RankNetwork.Excuse(environment, e);
            throw;
        }
    }

    /// <summary>Refuses processes that were started with different configurations, models or data.</summary>
    /// <exception cref="InvalidInputException">One differs from the first; every process throws, and names it.</exception>
    public static void RequireSame(TrainingConfig config, RunIdentity identity, ParallelLayout layout)
    {
        if (layout.IsAlone) return;
        // Where a process computes, and with how many threads, is its own affair.
        var settings = config.Settings with { Device = TrainingSettings.DefaultDevice, Threads = null };
        var compared = ConfigWriter.Write(settings) + identity.ConfigSha256 + identity.ModelSha256
            + JsonSerializer.Serialize(identity.Data);
        // Eight numbers of 32 bits are exact as doubles.
        var words = MemoryMarshal.Cast<byte, uint>(SHA256.HashData(Encoding.UTF8.GetBytes(compared)));
        var all = layout.Exchange(Array.ConvertAll(words.ToArray(), word => (double)word));
        var other = Array.FindIndex(all, rank => !rank.AsSpan().SequenceEqual(all[0]));
        if (other >= 0)
            throw new InvalidInputException(
                $"rank {other}: expected the configuration, starting model and data of rank 0, found others; start all processes "
                + "with the same file");
    }
}
