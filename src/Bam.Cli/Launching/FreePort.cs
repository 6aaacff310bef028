using System.Net;
using System.Net.Sockets;

namespace Bam.Cli.Launching;

/// <summary>A port that nobody on this machine listens at.</summary>
internal static class FreePort
{
    public static int Find()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
