using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Http;

/// <summary>Server-sent events, as OpenAI's streams are: each a line of JSON, the last one [DONE].</summary>
internal sealed class EventStream(HttpContext context)
{
    public async Task Begin()
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await context.Response.StartAsync(context.RequestAborted);
    }

    public Task Send(object value) => Write(ApiJson.Bytes(value));

    public Task End() => Write("[DONE]"u8.ToArray());

    private async Task Write(byte[] data)
    {
        var output = context.Response.BodyWriter;
        output.Write("data: "u8);
        output.Write(data);
        output.Write("\n\n"u8);
        await output.FlushAsync(context.RequestAborted);
    }
}
