using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Bam.Torch.Distributed;

/// <summary>Where the processes of a run find each other.</summary>
/// <param name="Host">A name or an address that every process reaches.</param>
/// <param name="Port">From 1 to 65535.</param>
/// <param name="IsServedByRankZero">False when another program, such as torchrun, runs the store.</param>
/// <param name="Prefix">Stands before every key, so that a restarted run does not read its predecessor's.</param>
internal sealed record StoreAddress(string Host, int Port, bool IsServedByRankZero = true, string Prefix = "bam")
{
    /// <summary>True for an address that only this machine reaches.</summary>
    public bool IsLoopback =>
        Host is "localhost" or "::1" || Host.StartsWith("127.", StringComparison.Ordinal);

    /// <summary>
    /// This machine's address on the way to the store: the other ranks reach the store's network, while this machine's name may
    /// stand for its loopback address.
    /// </summary>
    /// <returns>An address; empty where the way does not leave this machine, or there is none.</returns>
    public string LocalAddress()
    {
        if (IsLoopback)
            return "127.0.0.1";
        try
        {
            // Connecting a datagram socket chooses the interface, and sends nothing.
            using var socket = new UdpClient(Host, Port);
            var local = ((IPEndPoint)socket.Client.LocalEndPoint!).Address;
            return IPAddress.IsLoopback(local) ? "" : $"{local}";
        }
        catch (SocketException)
        {
            return "";
        }
    }

    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>
/// A connection to c10d's key-value store, through which processes find each other. Calls of one connection come one after
/// another; a call can block without limit if the store's machine is gone, so it must not be made by a thread that has to go on.
/// </summary>
internal sealed unsafe class TcpStore : IDisposable
{
    private const int RetryMilliseconds = 100;

    private static readonly TimeSpan s_shortestAttempt = TimeSpan.FromSeconds(2);

    private readonly StoreAddress address;
    private nint handle;

    private TcpStore(StoreAddress address, nint handle)
    {
        this.address = address;
        this.handle = handle;
    }

    /// <summary>Runs a store in this process, and connects to it.</summary>
    /// <exception cref="ProcessGroupException">The port is taken, or the address is none of this machine.</exception>
    public static TcpStore Serve(StoreAddress address, TimeSpan timeout) => Open(address, isServer: true, timeout);

    /// <summary>Connects to a store, and waits for it to be there.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="source">What the address was read from, for the message.</param>
    /// <exception cref="ProcessGroupException">It was not there in time.</exception>
    public static TcpStore Connect(StoreAddress address, TimeSpan timeout, string source = "")
    {
        var clock = Stopwatch.StartNew();
        // libtorch tries too, but writes a warning for each attempt.
        for (var attempt = 1; Refusal(address, timeout - clock.Elapsed) is { } refusal; attempt++)
        {
            if (clock.Elapsed.TotalMilliseconds + RetryMilliseconds >= timeout.TotalMilliseconds)
            {
                var tried = attempt == 1 ? "the only attempt to connect" : $"the last of {attempt} attempts to connect";
                var server = address.IsServedByRankZero ? "rank 0" : "the launcher that runs it";
                throw new ProcessGroupException(
                    $"no store at {address} after {timeout.TotalSeconds:0.#} s ({refusal}: {tried}); is {server} running, and "
                    + $"does this machine reach it at that address{(source.Length > 0 ? $", which {source} name" : "")}?");
            }

            Thread.Sleep(RetryMilliseconds);
        }

        return Open(address, isServer: false, timeout);
    }

    /// <summary>Writes a value, also over an older one.</summary>
    /// <exception cref="TorchException">The store does not answer.</exception>
    public void Set(string key, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        fixed (byte* first = bytes)
            Check(DistributedNative.bam_store_set(handle, key, first, bytes.Length), "set");
    }

    /// <summary>The value of a key that is there.</summary>
    /// <exception cref="TorchException">The store does not answer.</exception>
    public string Get(string key)
    {
        var bytes = new byte[4096];
        while (true)
        {
            int length;
            fixed (byte* first = bytes)
                Check(DistributedNative.bam_store_get(handle, key, first, bytes.Length, &length), "get");
            if (length <= bytes.Length)
                return Encoding.UTF8.GetString(bytes, 0, length);
            bytes = new byte[length];
        }
    }

    /// <summary>Adds to a counter, which starts at 0, and returns its new value.</summary>
    /// <exception cref="TorchException">The store does not answer.</exception>
    public long Add(string key, long amount)
    {
        long result;
        Check(DistributedNative.bam_store_add(handle, key, amount, &result), "add");
        return result;
    }

    /// <summary>Whether a key is there.</summary>
    /// <exception cref="TorchException">The store does not answer.</exception>
    public bool Has(string key)
    {
        int result;
        Check(DistributedNative.bam_store_has(handle, key, &result), "check");
        return result != 0;
    }

    /// <summary>Waits until a key is there. After a time-out this connection must not be used again.</summary>
    /// <returns>False when the time was over, or the store does not answer.</returns>
    public bool Wait(string key, TimeSpan timeout) =>
        DistributedNative.bam_store_wait(handle, key, Math.Max(1, (long)timeout.TotalMilliseconds)) == 0;

    /// <summary>Joins a group whose keys stand behind <paramref name="prefix"/>.</summary>
    /// <returns>The handle of its backend.</returns>
    /// <exception cref="TorchException">Another member could not be reached.</exception>
    public nint OpenGroup(string prefix, int rank, int size, GroupBackend backend, TimeSpan timeout)
    {
        nint keys, group;
        Check(DistributedNative.bam_store_prefix(handle, prefix, &keys), "prefix");
        try
        {
            var status = DistributedNative.bam_group_open(
                keys, rank, size, (int)backend, address.LocalAddress(), (long)timeout.TotalMilliseconds, &group);
            Check(status, "connecting the ranks");
            return group;
        }
        finally
        {
            Native.Check(DistributedNative.bam_store_free(keys), "prefix");
        }
    }

    public void Dispose()
    {
        var handle = Interlocked.Exchange(ref this.handle, 0);
        if (handle != 0)
            _ = DistributedNative.bam_store_free(handle);
    }

    /// <summary>The first line of libtorch's last message, without the place in its source.</summary>
    internal static string Reason()
    {
        var line = Native.LastError().Split('\n')[0].Trim();
        var end = line.StartsWith('[') ? line.IndexOf("] ", StringComparison.Ordinal) : -1;
        return end < 0 ? line : line[(end + 2)..];
    }

    private static TcpStore Open(StoreAddress address, bool isServer, TimeSpan timeout)
    {
        nint store, prefixed;
        if (DistributedNative.bam_store_open(
            address.Host, address.Port, isServer ? 1 : 0, (long)timeout.TotalMilliseconds, &store) != 0)
        {
            throw new ProcessGroupException(
                isServer
                    ? $"no store can be run at {address}: {Reason()}; choose another port, or a name of rank 0's machine"
                    : $"the store at {address} cannot be used: {Reason()}");
        }

        var status = DistributedNative.bam_store_prefix(store, address.Prefix, &prefixed);
        _ = DistributedNative.bam_store_free(store);
        Native.Check(status, "prefix");
        return new TcpStore(address, prefixed);
    }

    /// <summary>Why nothing can be connected to there; null if something can.</summary>
    private static string? Refusal(StoreAddress address, TimeSpan timeout)
    {
        using var client = new TcpClient();
        try
        {
            // The last attempt too has the time to learn why there is no connection.
            var patience = timeout > s_shortestAttempt ? timeout : s_shortestAttempt;
            return client.ConnectAsync(address.Host, address.Port).Wait(patience) ? null : "no answer";
        }
        catch (AggregateException e) when (e.InnerException is SocketException failure)
        {
            return failure.Message;
        }
    }

    private void Check(int status, string call)
    {
        if (status != 0)
            throw new TorchException($"store at {address}: {call}", Reason());
    }
}
