"""torch_geometric, Lightning, and torch's own recurrent layers and attention."""

from torch import nn
from torch.nn import functional

from tests.strangers.common import Case, classify, numbers, whole


def _on_a_graph(model, dtype):
    edges = whole(9, 2, 30)
    return Case(
        model.to(dtype),
        (numbers(9, 6, dtype=dtype), edges),
        whole(5, 9, seed=2),
        functional.cross_entropy,
    )


def gcn(dtype):
    from torch_geometric.nn import GCN

    return _on_a_graph(GCN(6, 8, num_layers=2, out_channels=5), dtype)


def gat(dtype):
    from torch_geometric.nn import GAT

    return _on_a_graph(GAT(6, 8, num_layers=2, out_channels=5, heads=2), dtype)


def graph_sage(dtype):
    from torch_geometric.nn import GraphSAGE

    return _on_a_graph(GraphSAGE(6, 8, num_layers=2, out_channels=5), dtype)


def _lit(network, dtype, images):
    from lightning import LightningModule

    class Lit(LightningModule):
        def __init__(self):
            super().__init__()
            self.network = network

        def training_step(self, batch, _index):
            x, y = batch
            value = functional.cross_entropy(self.network(x), y)
            self.log("loss", value)
            return value

    from theorems.own.factories import subject_of

    made = subject_of((Lit().to(dtype), (images, whole(5, len(images)))))
    return Case(made.model, made.inputs, made.targets, made.loss)


def lit_layers(dtype):
    network = nn.Sequential(
        nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 5)
    )
    return _lit(network, dtype, numbers(8, 6, dtype=dtype))


def lit_convolutions(dtype):
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.SiLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )
    return _lit(network, dtype, numbers(8, 1, 8, 8, dtype=dtype))


class _Reads(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.words = nn.Embedding(24, 8)
        self.body = kind(8, 10, batch_first=True, **options)
        self.head = nn.Linear(10 * (2 if options.get("bidirectional") else 1), 5)

    def forward(self, ids):
        return self.head(self.body(self.words(ids))[0][:, -1])


def _reads(kind, dtype, **options):
    return classify(_Reads(kind, **options).to(dtype), whole(24, 4, 6))


def lstm(dtype):
    return _reads(nn.LSTM, dtype, num_layers=2)


def gru(dtype):
    return _reads(nn.GRU, dtype, bidirectional=True)


def rnn(dtype):
    return _reads(nn.RNN, dtype, nonlinearity="tanh")


class _Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.other, self.head = nn.LSTMCell(6, 8), nn.GRUCell(8, 8), nn.Linear(8, 5)

    def forward(self, rows):
        state = other = None
        for row in rows.unbind(1):
            state = self.cell(row, state)
            other = self.other(state[0], other)
        return self.head(other)


def cells(dtype):
    return classify(_Cells().to(dtype), numbers(4, 3, 6, dtype=dtype))


class _Attends(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.attention, self.head = (
            nn.MultiheadAttention(8, 2, batch_first=True, **options),
            nn.Linear(8, 5),
        )

    def forward(self, rows):
        return self.head((rows + self.attention(rows, rows, rows, need_weights=False)[0]).mean(1))


def attention(dtype):
    return classify(_Attends().to(dtype), numbers(4, 3, 8, dtype=dtype))


def attention_with_other_keys(dtype):
    return classify(
        _Attends(kdim=8, vdim=8, add_bias_kv=True).to(dtype), numbers(4, 3, 8, dtype=dtype)
    )


def encoder(dtype):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    return classify(
        nn.Sequential(body, nn.Flatten(), nn.Linear(24, 5)).to(dtype), numbers(4, 3, 8, dtype=dtype)
    )


def transformer(dtype):
    model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True, activation="gelu").to(dtype)
    inputs = numbers(4, 3, 8, dtype=dtype), numbers(4, 2, 8, dtype=dtype, seed=4)
    return Case(model, inputs, numbers(4, 2, 8, dtype=dtype, seed=5), functional.mse_loss)


NETWORKS = {f"torch_geometric.{make.__name__}": make for make in (gcn, gat, graph_sage)}
NETWORKS |= {f"lightning.{make.__name__}": make for make in (lit_layers, lit_convolutions)}
NETWORKS |= {
    f"torch.{make.__name__}": make
    for make in (lstm, gru, rnn, cells, attention, attention_with_other_keys, encoder, transformer)
}
