using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using TorchSharp;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>Reads a safetensors file: eight bytes of length, a JSON header, the tensors' bytes.</summary>
internal static class SafetensorsFile
{
    public static Dictionary<string, torch.Tensor> Load(string path)
    {
        var file = File.ReadAllBytes(path);
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, length));
        var tensors = new Dictionary<string, torch.Tensor>();
        foreach (var entry in header.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__"))
        {
            var (start, end) = (Offset(entry.Value, 0), Offset(entry.Value, 1));
            var bytes = file.AsSpan((8 + length + start)..(8 + length + end));
            var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
            tensors[entry.Name] = entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => torch.tensor(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape),
                "I64" => torch.tensor(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), shape),
                var dtype => throw new InvalidDataException($"{path}: {entry.Name} has the dtype {dtype}; expected F32 or I64"),
            };
        }

        return tensors;
    }

    private static int Offset(JsonElement entry, int index) => entry.GetProperty("data_offsets")[index].GetInt32();
}
