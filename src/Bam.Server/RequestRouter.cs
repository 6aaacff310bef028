using System.Diagnostics;
using Bam.Server.Endpoints;
using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Http;

namespace Bam.Server;

/// <summary>
/// Sends each request to its endpoint, and turns every failure into one JSON error: no request ends the process.
/// </summary>
internal sealed class RequestRouter
{
    private const string ModelPrefix = "/v1/models/";
    private const string Metrics = "/metrics";

    private readonly ServedModel served;
    private readonly ServerMetrics metrics;
    private readonly RequestGuard guard;
    private readonly ModelEndpoints models;
    private readonly Dictionary<string, Route> routes;

    public RequestRouter(ServedModel served, ServerMetrics metrics, RequestGuard guard)
    {
        (this.served, this.metrics, this.guard) = (served, metrics, guard);
        models = new ModelEndpoints(served);
        var tokenizer = new TokenizerEndpoints(served);
        routes = new()
        {
            ["/v1/models"] = new(HttpMethods.Get, models.List),
            ["/v1/completions"] = new(HttpMethods.Post, new Completions(served, metrics).Answer),
            ["/v1/chat/completions"] = new(HttpMethods.Post, new ChatCompletions(served, metrics).Answer),
            ["/tokenizer_info"] = new(HttpMethods.Get, tokenizer.Info),
            ["/tokenize"] = new(HttpMethods.Post, tokenizer.Tokenize),
            ["/detokenize"] = new(HttpMethods.Post, tokenizer.Detokenize),
            ["/experts"] = new(HttpMethods.Get, context => ApiJson.Write(context, ExpertLoads.Of(served))),
            [Metrics] = new(HttpMethods.Get, _ => throw new UnreachableException()),  // answered before
            ["/health"] = new(HttpMethods.Get, Health, IsOpen: true),
        };
        foreach (var file in PageFile.All) routes[file.Path] = new(HttpMethods.Get, file.Answer, IsOpen: true);
    }

    /// <summary>The first step of every request: checks access, turns failures into errors, and measures the time.</summary>
    public async Task Admit(HttpContext context, RequestDelegate next)
    {
        var started = Stopwatch.GetTimestamp();
        var (path, hasLeft) = (context.Request.Path.Value ?? "", false);
        try
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            guard.CheckHost(context);
            if (!routes.TryGetValue(path, out var route) || !route.IsOpen) guard.CheckKey(context);
            await next(context);
        }
        catch (Exception e) when (
            e is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            hasLeft = true;
        }
        catch (Exception e)
        {
            await ApiJson.WriteError(context, ErrorOf(e));
        }
        finally
        {
            var endpoint = routes.ContainsKey(path) ? path : "other";
            var status = hasLeft ? StatusCodes.Status499ClientClosedRequest : context.Response.StatusCode;
            metrics.CountRequest(endpoint, status, Stopwatch.GetElapsedTime(started));
        }
    }

    /// <summary>Whether OpenTelemetry answers a request.</summary>
    public static bool IsScrape(HttpContext context) =>
        context.Request.Path == Metrics && HttpMethods.IsGet(context.Request.Method);

    public Task Dispatch(HttpContext context)
    {
        var (path, method) = (context.Request.Path.Value ?? "", context.Request.Method);
        if (path.StartsWith(ModelPrefix, StringComparison.Ordinal) && HttpMethods.IsGet(method))
            return models.Get(context, path[ModelPrefix.Length..]);
        if (!routes.TryGetValue(path, out var route))
            throw new ApiException(404, $"Unknown URL: {method} {path}", code: "unknown_url");
        if (method == route.Method) return route.Answer(context);
        context.Response.Headers.Allow = route.Method;
        throw new ApiException(405, $"{path} allows {route.Method} alone.", code: "method_not_allowed");
    }

    private Task Health(HttpContext context) =>
        served.IsStopping ? throw ApiException.Stopping() : ApiJson.Write(context, new HealthStatus("ok"));

    private ApiException ErrorOf(Exception e)
    {
        switch (e)
        {
            case ApiException known:
                return known;
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return new(413, $"The body may have at most {served.Options.MaxBodyBytes} bytes.", code: "body_too_large");
            case BadHttpRequestException bad:
                return new(bad.StatusCode, bad.Message, code: "bad_request");
            case InvalidInputException:
                return ApiException.Wrong(null, e.Message);
            default:
                served.Reporter.Warn($"a request failed: {e}");
                return ApiException.Failed("The request failed; the server's messages say why.");
        }
    }

    private sealed record Route(string Method, RequestDelegate Answer, bool IsOpen = false);
}

/// <summary>The answer of /health.</summary>
internal sealed record HealthStatus(string Status);
