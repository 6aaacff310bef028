using System.Net;
using System.Net.Sockets;
using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Bam.Server;

/// <summary>Serves one model over HTTP, with OpenAI's interface.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(5);

    private readonly ServedModel served;
    private readonly ServerMetrics metrics;
    private readonly MeterProvider exporter;
    private readonly WebApplication application;

    private ApiServer(ServedModel served)
    {
        this.served = served;
        metrics = new ServerMetrics(served);
        exporter = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService("bam", autoGenerateServiceInstanceId: false))
            .AddMeter(metrics.Name)
            .AddView(_ => new MetricStreamConfiguration { CardinalityLimit = metrics.MaxSeries })
            .AddPrometheusExporter(options => options.ScrapeResponseCacheDurationMilliseconds = 0)
            .Build();
        application = Build(served.Options);
        IsLocal = IPAddress.IsLoopback(AddressOf(served.Options.Host));
        var router = new RequestRouter(served, metrics, new RequestGuard(served.Options.ApiKey, IsLocal));
        application.Use(router.Admit);
        application.UseOpenTelemetryPrometheusScrapingEndpoint(
            exporter, RequestRouter.IsScrape, path: null, configureBranchedPipeline: null, optionsName: null);
        application.Run(router.Dispatch);
    }

    /// <summary>Where it listens: http://127.0.0.1:8000.</summary>
    public string Address { get; private set; } = "";

    /// <summary>True if only this machine can reach it.</summary>
    public bool IsLocal { get; }

    /// <summary>Listens; the model stays the caller's.</summary>
    /// <exception cref="InvalidInputException">The address is not this machine's, or in use.</exception>
    public static async Task<ApiServer> Start(ServedModel served)
    {
        var server = new ApiServer(served);
        try
        {
            await server.application.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw new InvalidInputException(
                $"--host {served.Options.Host} --port {served.Options.Port}: {e.Message.TrimEnd('.')}; choose another one", e);
        }

        server.Address = server.application.Services.GetRequiredService<IServer>().Features
            .Get<IServerAddressesFeature>()!.Addresses.First();
        return server;
    }

    /// <summary>Refuses new requests, lets running ones end within a time, and stops to listen.</summary>
    public async Task Stop()
    {
        await Task.Run(() => served.Stop(served.Options.StopPatience));
        using var limit = new CancellationTokenSource(LastAnswers);
        await application.StopAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await application.DisposeAsync();
        exporter.Dispose();
        metrics.Dispose();
    }

    // Nothing is read from the environment or from files, and nothing is logged.
    private static WebApplication Build(ServerOptions options)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = options.Slots + options.Queue + 64;
            kestrel.Listen(AddressOf(options.Host), options.Port);
        });
        return builder.Build();
    }

    private static IPAddress AddressOf(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address)) return address;
        try
        {
            return Dns.GetHostAddresses(host)[0];
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidInputException(
                "--host", "an address or a name of this machine", host, "127.0.0.1 serves this machine alone");
        }
    }

    // The command line handles signals.
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
