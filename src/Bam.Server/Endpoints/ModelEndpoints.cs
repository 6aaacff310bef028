using Bam.Server.Http;
using Bam.Server.Serving;
using Microsoft.AspNetCore.Http;

namespace Bam.Server.Endpoints;

/// <summary>GET /v1/models and /v1/models/NAME: the one model.</summary>
internal sealed class ModelEndpoints(ServedModel served)
{
    private readonly ModelEntry entry = new(served.Id, "model", served.Created, "bam", served.Context);

    public Task List(HttpContext context) => ApiJson.Write(context, new ModelList("list", [entry]));

    public Task Get(HttpContext context, string name) => served.IsNamed(name)
        ? ApiJson.Write(context, entry)
        : throw new ApiException(404, $"The model '{name}' does not exist.", "model", "model_not_found");
}

/// <summary>The models of a server.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);

/// <summary>A model.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Object">Always "model".</param>
/// <param name="Created">When it was loaded, in seconds since 1970.</param>
/// <param name="OwnedBy">Always "bam".</param>
/// <param name="MaxModelLen">The most tokens of one text, under the name that vLLM gives it.</param>
internal sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy, int MaxModelLen);
