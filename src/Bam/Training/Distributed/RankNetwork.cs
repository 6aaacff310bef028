using System.Globalization;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Training.Distributed;

/// <summary>How a rank finds the others, with what the environment says about the network between them.</summary>
internal static class RankNetwork
{
    private const string TimeoutVariable = "BAM_RANK_TIMEOUT";
    private const string InterfaceVariable = "GLOO_SOCKET_IFNAME";
    private const int LongestTimeout = 24 * 60 * 60;

    // Of the report of a failed start: the others may have failed too, and never come.
    private static readonly TimeSpan LongestReport = TimeSpan.FromSeconds(30);

    /// <summary>Joins the group of all processes; every process calls it. The others hear what is wrong here.</summary>
    /// <exception cref="InvalidInputException">A variable is wrong; the message names it.</exception>
    /// <exception cref="ProcessGroupException">A rank did not come within the time-out, or could not.</exception>
    public static ProcessGroup Join(DistributedEnvironment place, Device device)
    {
        try
        {
            if (GroupBackends.Has(GroupBackend.Gloo)) RequireInterfaces();
            return ProcessGroup.Open(place.GroupOptions(device, Timeout()));
        }
        catch (InvalidInputException e)
        {
            ReportFailedStart(place, e);
            throw;
        }
    }

    /// <summary>
    /// Tells the other ranks why this one cannot start, so that they need not wait for it until the time-out.
    /// </summary>
    public static void ReportFailedStart(DistributedEnvironment place, Exception failure)
    {
        try
        {
            var patience = new[] { Timeout(), LongestReport }.Min();
            ProcessGroup.ReportFailedStart(place.GroupOptions(Device.Cpu, patience), failure);
        }
        catch (Exception e) when (e is ProcessGroupException or TorchException or InvalidInputException)
        {
            // The failure itself is what the user has to know.
        }
    }

    private static TimeSpan Timeout()
    {
        if (Environment.GetEnvironmentVariable(TimeoutVariable) is not { Length: > 0 } text)
            return ProcessGroupOptions.DefaultTimeout;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds is >= 1 and <= LongestTimeout
            ? TimeSpan.FromSeconds(seconds)
            : throw new InvalidInputException(
                $"the environment variable {TimeoutVariable}", $"seconds from 1 to {LongestTimeout}", $"'{text}'",
                "set it right, or unset it");
    }

    // Gloo itself would say "Unable to find address for: ib7", and the other ranks would wait.
    private static void RequireInterfaces()
    {
        if (Environment.GetEnvironmentVariable(InterfaceVariable) is not { Length: > 0 } named) return;
        var usable = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.GetIPProperties().UnicastAddresses.Any(address => IsInternet(address.Address)))
            .Select(network => network.Name).Order(StringComparer.Ordinal).ToList();
        if (named.Split(',').FirstOrDefault(name => !usable.Contains(name)) is not { } missing) return;
        throw new InvalidInputException(
            $"the environment variable {InterfaceVariable}",
            $"network interfaces of {Environment.MachineName} that have an address: {string.Join(", ", usable)}",
            $"'{missing}'",
            "set the one that leads to the other ranks, or unset the variable to use the one that leads to rank 0");
    }

    private static bool IsInternet(System.Net.IPAddress address) =>
        address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6;
}
