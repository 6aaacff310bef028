using System.Globalization;

namespace Bam.Cli.Tests;

/// <summary>
/// Signals that were ignored when the tests started, as a shell does for its background jobs: .NET and children leave them so.
/// </summary>
internal static class IgnoredSignals
{
    private static readonly Dictionary<string, int> Numbers = new() { ["HUP"] = 1, ["INT"] = 2, ["TERM"] = 15 };

    /// <summary>Skips the test when the signal cannot arrive.</summary>
    /// <param name="signal">As "INT".</param>
    public static void Skip(string signal) =>
        Xunit.Skip.If(IsIgnored(Numbers[signal]), $"whoever started the tests has SIG{signal} ignored");

    // SigIgn is a mask in hexadecimal digits; signal n is bit n - 1.
    private static bool IsIgnored(int number)
    {
        var mask = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))[7..]
            .Trim();
        return (ulong.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (number - 1) & 1) == 1;
    }
}
