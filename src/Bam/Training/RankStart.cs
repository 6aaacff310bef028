using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Configuration;
using Bam.Training.Distributed;

namespace Bam.Training;

/// <summary>
/// Checks before a run of several processes, so that none of them waits for one that could not start, or that does something
/// else.
/// </summary>
internal static class RankStart
{
    /// <summary>Does this process's preparations before it joins the others; if they fail, the others are told why.</summary>
    public static T Prepare<T>(DistributedEnvironment environment, Func<T> prepare)
    {
        try
        {
            return prepare();
        }
        catch (Exception e)
        {
            if (environment.Size > 1) RankNetwork.ReportFailedStart(environment, e);
            throw;
        }
    }

    /// <summary>Refuses processes that were started with different configurations, models or data.</summary>
    /// <exception cref="InvalidInputException">One differs from the first; every process throws, and names it.</exception>
    public static void RequireSame(TrainingConfig config, RunIdentity identity, ParallelLayout layout)
    {
        if (layout.IsAlone) return;
        // Device and number of threads may differ between processes.
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
