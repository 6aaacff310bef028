using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Bam.Torch.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Distributed;

/// <summary>The address at which the other ranks connect to this one.</summary>
public class StoreAddressTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.1.1")]
    [InlineData("localhost")]
    [InlineData("::1")]
    public void A_store_of_this_machine_alone_is_met_by_the_loopback_address(string host) =>
        new StoreAddress(host, 1).LocalAddress().ShouldBe("127.0.0.1");

    [Fact]
    public void A_store_at_an_address_of_this_machine_is_met_by_that_address()
    {
        var addresses = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus != OperationalStatus.Down)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork);
        foreach (var address in addresses)
            new StoreAddress($"{address}", 1).LocalAddress().ShouldBe(IPAddress.IsLoopback(address) ? "127.0.0.1" : $"{address}");
    }

    [Fact]
    public void Where_there_is_no_way_to_the_store_this_machines_name_decides() =>
        new StoreAddress("no-such-machine.invalid", 1).LocalAddress().ShouldBe("");
}
